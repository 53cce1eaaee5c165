#include "security/common_passwords.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "security/password.h"

/* What stands in lists of stolen passwords again and again, in lower case, without the digits and marks that
 * people put behind: `password` stands for Password123! too. What is a walk over the keyboard, a repetition
 * or a date is found by rule. */
static const char words[] =
    /* the thing itself, and who is at work */
    " password passwort passwd passw pass passcode passphrase mypassword thepassword yourpassword newpassword"
    " oldpassword passwordpassword password1password adminpassword rootpassword userpassword testpassword"
    " wachtwoord motdepasse contrasena contraseña senha parola haslo heslo salasana sifre parole losenord"
    " login mylogin letmein letmeinnow openup opensesame sesame access accessgranted accessdenied enter "
    "entrance"
    " welcome welcomeback welcomehome hello helloworld hellohello hallo hola bonjour aloha goodbye "
    "goodmorning"
    " admin administrator adminadmin adminroot adminuser administrador superadmin sysadmin sysop root "
    "rootroot"
    " toor superuser supervisor operator manager master webmaster postmaster hostmaster owner boss guest user"
    " username useruser mysql oracle postgres postgresql database server router cisco ubuntu debian windows "
    "linux"
    " test tester testing testtest testuser demo demodemo example sample default temp temporary tempo "
    "temppass"
    " changeme changethis changeit change changemenow pleasechange please letmechange secret secrets "
    "topsecret"
    " mysecret supersecret secretsecret private security secure unlock unknown nopassword nopass nothing "
    "none null"
    " undefined blank empty forget forgot iforgot iforgotit forgetit whatever whatisit computer internet "
    "google"
    " facebook youtube twitter instagram linkedin microsoft apple samsung android iphone yahoo hotmail gmail"
    " amazon netflix spotify pokemon minecraft fortnite roblox nintendo playstation xbox starcraft warcraft"
    " counterstrike runescape league leagueoflegends worldofwarcraft dota"
    /* words of love and of every day */
    " love loveme iloveyou iloveu iloveyou2 iloveme ilovegod ilovejesus ilovehim iloveher loveyou loveyou2 "
    "lover"
    " lovers lovely lovelove lovelife mylove mylover truelove loveforever forever foreverlove foreveryoung "
    "always"
    " babygirl babyboy baby babybaby mybaby honey sweetheart sweetie sweety sugar angel angels darling "
    "princess"
    " prince queen king kingdom beautiful pretty cutie cute sexy sexybitch hottie gorgeous handsome friends "
    "friend"
    " bestfriend family mother father mom dad mommy daddy mama papa sister brother husband wife children"
    " happy happyness happiness smile smiley funny lucky luckyyou blessed blessing faith hope peace freedom "
    "liberty"
    " jesus jesuschrist christ god godisgood godbless heaven amen church trustnoone trustno trustme believe "
    "dream"
    " dreams dreamer life lifeisgood goodlife mylife goodluck success successful winner champion number "
    "numberone"
    " nirvana metallica slipknot eminem linkinpark beatles rockyou rockstar rock music guitar piano dancer "
    "dance"
    " summer winter spring autumn sunshine sunflower sunny sunset moon moonlight star stars starlight "
    "rainbow sky"
    " ocean river flower flowers rose roses lily daisy violet orchid forest mountain island paradise thunder "
    "storm"
    " lightning fire firefire ice snow snowball snowflake snowman diamond silver golden gold crystal pearl "
    "ruby"
    " jasmine jasmin chocolate vanilla strawberry cherry banana orange apples lemon peanut cookie cookies "
    "candy"
    " pepper ginger butter cheese pizza coffee whiskey vodka tequila corona heineken budweiser cocacola pepsi"
    /* animals, heroes */
    " monkey dragon dragons tiger tigers lion lions eagle eagles falcon panther puma wolf wolves wolfpack "
    "bear bears"
    " bulldog dog dogs doggy puppy kitty kitten cat cats pussycat hellokitty horse horses mustang dolphin "
    "dolphins"
    " shark penguin turtle rabbit bunny butterfly spider spiderman scorpion snake cobra phoenix unicorn fish"
    " batman superman ironman wonderwoman superstar superhero starwars startrek skywalker yoda vader jedi "
    "matrix"
    " hunter killer shadow ninja samurai warrior knight wizard magic magician merlin gandalf hobbit frodo "
    "hacker"
    " ghost phantom vampire zombie devil demon lucifer satan chaos destiny fantasy legend legends mystery "
    "midnight"
    " assassin sniper soldier army navy marine marines ranger rangers captain colonel general pirate pirates "
    "cowboy"
    /* sports, places, cars */
    " football soccer baseball basketball hockey tennis golf golfer rugby cricket volleyball swimming "
    "skateboard"
    " liverpool chelsea arsenal manchester manutd barcelona barca realmadrid juventus milan inter bayern "
    "benfica"
    " yankees redsox lakers cowboys steelers packers broncos raiders patriots giants dodgers cubs bulls "
    "celtics"
    " ronaldo messi beckham jordan michaeljordan kobe kobebryant maradona neymar"
    " london paris newyork chicago boston texas florida california america england france germany italy "
    "espana spain"
    " brasil brazil canada australia india china japan russia mexico tokyo osaka kyoto beijing shanghai "
    "hongkong"
    " ferrari porsche mercedes corvette camaro mustanggt toyota honda nissan yamaha suzuki kawasaki harley"
    " harleydavidson chevrolet chevy ford fordf bmw audi volvo volkswagen jaguar lamborghini"
    /* names */
    " michael jennifer jessica ashley amanda daniel andrew joshua matthew anthony christopher nicholas "
    "william james"
    " robert richard charlie charles thomas jonathan alexander benjamin samantha elizabeth stephanie nicole "
    "michelle"
    " melissa danielle rebecca rachel lauren hannah victoria natalie vanessa patricia barbara sandra maria "
    "marie anna"
    " sophie sophia olivia emma isabella alexandra alexis andrea angela angelina anthony austin brandon "
    "brian cameron"
    " carlos chris christian cristina david derek diana dylan eduardo eric fernando francisco gabriel george"
    " gerard hector jackson jacob jason jeffrey jeremy jordan jose joseph juan julian justin karen katherine "
    "kevin"
    " kimberly laura linda louis lucas luis marcus mario mark martin martina maxwell miguel monica morgan "
    "nathan"
    " oliver oscar patrick paul pedro peter philip phillip ricardo roberto ryan samuel sebastian simon "
    "stephen steven"
    " steve susan taylor theresa tiffany timothy tyler veronica vincent zachary buster maggie molly rocky "
    "bailey"
    " cooper sammy max maximus misty oreo snoopy scooby tinkerbell tigger garfield mickey mickeymouse minnie "
    "donald"
    /* of China: pinyin of names and habits */
    " woaini woaiwo woaiwojia woaiwomama woaimama woaibaba woaini1314 woaini520 woaiziji woaiben "
    "woaizhongguo aini"
    " ainiyiwannian ainiyishengyishi aiwo aiwobuai woaita wobuaini woxiangni woxihuanni wozhiaini wodeai "
    "wodemima"
    " wodemimashi wodemingzi wodejia wobuzhidao woshiwo woshishui woshitiancai woshini woshilaoda woshinidie"
    " woshiren mima mimamima mimashi shurumima nihao nihaoma nihaoya nishiwodeai nishizhu nishishui"
    " zhongguo zhonghua zhongguoren beijinghuanying shanghai guangzhou shenzhen hangzhou suzhou nanjing "
    "chengdu"
    " chongqing wuhan tianjin xian xianggang taiwan taibei"
    " wang wangwei wangfang wangjing wangyang wanglei wangli wangjun wangmin wanghao liwei lijing lina lihua "
    "liming"
    " lilei lijun lijie liyang lixin liqiang zhang zhangwei zhangmin zhangjing zhangli zhanglei zhangjie "
    "zhangyang"
    " zhangsan lisi wangwu zhaoliu liu liuwei liuyang liufang liujie liujing liumin chen chenjing chenwei "
    "chenchen"
    " chenjie chenxi yang yangyang yangfan yangguang huang huangwei zhao zhaowei wuyang zhou zhouwei sun "
    "sunwei"
    " mali guo gao lin luo zheng liang xie song tang deng feng"
    " xiaoxiao xiaoming xiaohong xiaowang xiaoli xiaolong xiaoyu xiaojie xiaomao xiaogou xiaobao xiaozhu "
    "xiaotian"
    " baobao baobei beibei dandan lingling lili nana feifei jiajia jingjing tingting yuanyuan weiwei xixi "
    "yaoyao"
    " tiantian mingming qiqi qianqian juanjuan fangfang meimei gege jiejie didi mama baba laogong laopo "
    "laoda laoshi"
    " shunfeng taobao tianmao jingdong alipay zhifubao weixin wechat tencent qqqq qqaini huawei xiaomi baidu "
    "sina"
    " jiayou facai gongxifacai shengri shengrikuaile kuaile xingfu aiqing qingren yongyuan pingan jiankang "
    "tianshi"
    " meili piaoliang dongfang dongbei feng huahua caonima nimabi wangba shabi woshishabi qwerqwer asdasd"
    " dearbook caonimade zaq aszx qweasd qweasdzxc qazwsx qazwsxedc wsxedc zxcvbnm"
    " 5201314 1314520 5211314 7758521 7758258 584520 168168 888168 518518 5845201314 5201314520 1314521 qqq "
    "aaa abc "
    "abcd abcde"
    " asd asdf qwe qwer qwert zxc zxcv qaz wsx zaq"
    /* of Japan */
    " sakura sakurasakura arigato konnichiwa konnichi ohayo aishiteru daisuki kawaii nihon nippon doraemon "
    "pikachu"
    " naruto sasuke goku onepiece luffy gundam totoro hanako taro tarou yamada tanaka suzuki sato satou "
    "takahashi"
    " watanabe ito yamamoto nakamura kobayashi kato hikari himawari momotaro anime manga otaku sushi ramen "
    "geisha"
    /* rude, and the rest */
    " fuck fuckyou fuckme fuckoff fucker motherfucker asshole bitch bullshit shit dick pussy penis sex xxx "
    "porn bigdick"
    " blowme biteme suckit suckmydick whore slut retard loser idiot stupid"
    " blink trinity nascar cheese bigdaddy bigboss bigdog johnson jackass mustafa mohammed muhammad ahmed "
    "ali fatima"
    " zaqwsx poiuyt lkjhgf mnbvcx qqww wwww xxxx zzzz abcabc aaa111 aabbcc abcxyz abcdefg abcdef abcdabcd "
    "xyz ";

/* Rows, columns and other ways over the keyboard and the alphabet; each counts backwards as well. */
static const char *const walks[] = {
    "01234567890123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertyuiop[]",
    "asdfghjkl;'",
    "zxcvbnm,./",
    "qwertzuiop",
    "azertyuiop",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
    "1qaz@wsx#edc$rfv%tgb^yhn",
    "!qaz@wsx#edc$rfv%tgb^yhn",
    "!qaz2wsx3edc4rfv",
    "qazwsxedcrfvtgbyhnujmikolp",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "a1b2c3d4e5f6g7h8i9j0",
    "1a2b3c4d5e6f7g8h9i0j",
    "1w2e3r4t5y6u7i8o9p",
    "zaqxswcdevfrbgtnhymjukilop",
    "zaq12wsxcde34rfvbgt56yhn",
    "qweasdzxc",
    "qwe123asd456zxc789",
    "123qweasdzxc",
    "789456123",
    "147258369",
    "159357",
    "!@#$%^&*()",
};

#define FOLDED_MAX (PASSWORD_MAX + 1)

static void password_fold(const char *text, char ret_folded[static FOLDED_MAX])
{
    size_t length = strnlen(text, FOLDED_MAX - 1);
    for (size_t i = 0; i < length; i++)
        ret_folded[i] = (char)tolower((unsigned char)text[i]);
    ret_folded[length] = '\0';
}

/* p4$$w0rd */
static void password_unmask(char *text)
{
    static const char figures[] = "0134578@$!", letters[] = "oieastbasi";
    for (; *text; text++) {
        const char *at = strchr(figures, *text);
        if (at)
            *text = letters[at - figures];
    }
}

/* What people put behind a word to make a password of it: digits, marks. */
static bool is_ornament(char c)
{
    return (unsigned char)c < 0x80 && !isalpha((unsigned char)c);
}

static char *without_ornaments(char *text)
{
    size_t length = strlen(text);
    while (length > 0 && is_ornament(text[length - 1]))
        text[--length] = '\0';
    while (*text && is_ornament(*text))
        text++;
    return text;
}

static bool stands_in_words(const char *word)
{
    char wanted[FOLDED_MAX + 2];
    int length = snprintf(wanted, sizeof(wanted), " %s ", word);
    return length > 2 && !strchr(word, ' ') && strstr(words, wanted);
}

/* The same piece again and again: at most four characters, three times or more, or a word twice. */
static bool is_repetition(const char *text)
{
    size_t length = strlen(text);
    for (size_t piece = 1; piece <= length / 2; piece++)
        if (length % piece == 0 && memcmp(text, text + piece, length - piece) == 0)
            return piece <= 4 || !text[piece * 2];
    return false;
}

static void password_reverse(const char *text, char ret_reversed[static FOLDED_MAX])
{
    size_t length = strnlen(text, FOLDED_MAX - 1);
    for (size_t i = 0; i < length; i++)
        ret_reversed[i] = text[length - 1 - i];
    ret_reversed[length] = '\0';
}

/* The longest part of a walk that the text begins with. */
static size_t password_walk_length(const char *text)
{
    size_t most = 0;
    for (size_t i = 0; i < ARRAY_SIZE(walks); i++)
        for (const char *at = walks[i]; *at; at++) {
            size_t length = 0;
            while (at[length] && at[length] == text[length])
                length++;
            most = length > most ? length : most;
        }
    return most;
}

/* Walks of four keys or more, one after the other, and nothing else: 1234qwer, qwertyasdf. */
static bool is_walk(const char *text)
{
    while (*text) {
        size_t length = password_walk_length(text);
        if (length < 4 && !(text[length] == '\0' && length >= 3))
            return false;
        text += length;
    }
    return true;
}

static bool is_day(int year, int month, int day)
{
    return year >= 1900 && year < 2100 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

/* 19900101, 01011990, 31121990. */
static bool is_date(const char *text)
{
    int digits[8] = {0};
    if (strlen(text) != 8)
        return false;
    for (size_t i = 0; i < 8; i++) {
        if (!isdigit((unsigned char)text[i]))
            return false;
        digits[i] = text[i] - '0';
    }
    int first = digits[0] * 10 + digits[1], second = digits[2] * 10 + digits[3];
    int third = digits[4] * 10 + digits[5], fourth = digits[6] * 10 + digits[7];
    return is_day(first * 100 + second, third, fourth) || is_day(third * 100 + fourth, first, second) ||
           is_day(third * 100 + fourth, second, first);
}

/* Figures that many take, behind or before a letter or three: a123456, 5201314ww, qq19900101. */
static bool is_number_with_letters(const char *text)
{
    size_t before = 0, length = strlen(text), after = length;
    while (isalpha((unsigned char)text[before]))
        before++;
    while (after > before && isalpha((unsigned char)text[after - 1]))
        after--;
    if (before + (length - after) > 3 || after - before < 5)
        return false;
    char number[FOLDED_MAX] = "";
    memcpy(number, text + before, after - before);
    return strspn(number, "0123456789") == after - before &&
           (is_walk(number) || is_repetition(number) || is_date(number) || stands_in_words(number));
}

static bool password_is_guessable(char folded[static FOLDED_MAX])
{
    char copy[FOLDED_MAX] = "", reversed[FOLDED_MAX] = "";
    password_reverse(folded, reversed);
    if (stands_in_words(folded) || is_repetition(folded) || is_date(folded) || is_walk(folded) ||
        is_walk(reversed) || is_number_with_letters(folded) || is_number_with_letters(reversed))
        return true;
    memcpy(copy, folded, sizeof(copy));
    const char *bare = without_ornaments(copy);
    if (stands_in_words(bare) || is_repetition(bare) || (strlen(bare) >= 4 && is_walk(bare)))
        return true;
    password_unmask(folded);
    memcpy(copy, folded, sizeof(copy));
    return stands_in_words(folded) || stands_in_words(without_ornaments(copy));
}

static bool password_is_made_of(const char *password, const char *name)
{
    char folded[FOLDED_MAX], word[FOLDED_MAX], reversed[FOLDED_MAX];
    password_fold(password, folded);
    password_fold(name, word);
    password_reverse(word, reversed);
    if (strcmp(folded, word) == 0 || strcmp(folded, reversed) == 0)
        return true;
    size_t length = strlen(word);
    const char *at = length >= 3 ? strstr(folded, word) : NULL;
    if (!at)
        return false;
    /* What is left of it, before and behind, is the name again or ornament. */
    for (const char *rest = folded; *rest;) {
        if (strncmp(rest, word, length) == 0)
            rest += length;
        else if (is_ornament(*rest))
            rest++;
        else
            return false;
    }
    return true;
}

bool password_is_common(const char *password, const char *const *names, size_t name_count)
{
    char folded[FOLDED_MAX] = "";
    password_fold(password, folded);
    for (size_t i = 0; i < name_count; i++)
        if (names[i] && *names[i] && password_is_made_of(password, names[i]))
            return true;
    return password_is_guessable(folded);
}
