/* SPDX-License-Identifier: MIT */
/* Writes the model of a machine as a libvirt domain. */
#pragma once

#include "base/error.h"
#include "base/strv.h"
#include "host/machine/libvirtdomain.h"
#include "host/machine/model.h"

/* Returns the domain as XML, which the caller frees; NULL with the reason: a text of the model
 * cannot be said in XML. A drive without a format is taken to be raw. Adds a warning for each
 * thing that libvirt cannot say: it goes into qemu:commandline, or is left out. */
char *libvirtxml_write(const struct model *model, const struct libvirtdomain_facts *facts,
                       struct strv *warnings, struct error *e);
