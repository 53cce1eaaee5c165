/* Kimono: customer-service platform and its operations console. All begins in cli/cli.c. */
#include "cli/cli.h"

int main(int argc, char **argv)
{
    return cli_main(argc, argv);
}
