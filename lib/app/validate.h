/* hta-validate: records that a JSON Schema takes go on, the others are dead letters. */
#ifndef APP_VALIDATE_H
#define APP_VALIDATE_H

int validate_main(int argc, char **argv);

#endif
