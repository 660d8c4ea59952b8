/* SPDX-License-Identifier: MIT */
#include "host/plan/planoptions.h"

#include <stdlib.h>

void plan_options_free(struct plan_options *options)
{
    free(options->kernel);
    free(options->modules_dir);
    free(options->root_dir);
    free(options->guest_init);
    free(options->init);
    strv_free(&options->tree_params);
    strv_free(&options->append);
    guestcommand_free(&options->exec);
    strv_free(&options->qemu_arguments);
    *options = (struct plan_options){0};
}
