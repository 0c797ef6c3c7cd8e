/* sluice check: validates a configuration and prints it. */
#pragma once

/* argv[0] is the command's name. Exit status: 0 valid, 1 not valid, 2 usage. schema_init() must have been called. */
int cmd_check(int argc, char **argv);
