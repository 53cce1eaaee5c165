#!/bin/sh
# Serves, after filling an empty data folder with demonstration data and a user.
#
#     tools/run.sh FOLDER HOST:PORT
#
# The folder is filled under another name and renamed at the end: a fill that was broken off leaves
# nothing behind that a later start could take for whole.
set -eu

data=$1
listen=$2
kimono=build/kimono
user='admin'
password_file=$data/admin-password

fill() {
    partial=$data.partial
    echo "run: first start, filling $data/ with demonstration data"
    rm -rf "$partial"
    "$kimono" demo --data "$partial"
    (umask 077 && head -c 18 /dev/urandom | base64 | tr '+/' '-_' >"$partial/admin-password")
    "$kimono" user add "$user" --role ops_admin --data "$partial" <"$partial/admin-password"
    mv "$partial" "$data"
}

# Two that start at once must not fill together: the second waits and then finds the folder.
if [ ! -e "$data" ]; then
    exec 9>build/run.lock
    flock 9
    [ -e "$data" ] || fill
    exec 9>&-
fi

echo "address:  http://$listen/ops/"
if [ -r "$password_file" ]; then
    echo "user:     $user"
    echo "password: $(cat "$password_file")"
else
    echo "users:    $kimono user list --data $data"
fi
exec "$kimono" serve --data "$data" --listen "$listen"
