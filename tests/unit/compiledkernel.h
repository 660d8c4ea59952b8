/* SPDX-License-Identifier: MIT */
/* A kernel of a few modules, compiled here; depmod makes its indexes. A failure here fails the
 * test. */
#pragma once

struct compiledkernel {
    char *scratch;
    char *directory; /* of the modules */
};

/* For cmocka: *state is a struct compiledkernel. */
int compiledkernel_setup(void **state);
int compiledkernel_teardown(void **state);
