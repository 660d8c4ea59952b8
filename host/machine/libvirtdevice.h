/* SPDX-License-Identifier: MIT */
/* Writes the devices of a libvirt domain: drives, shares, network cards, channels, inputs. */
#pragma once

#include "host/machine/libvirtdomain.h"

/* Each writes an item of its kind; to be used in libvirtxml.c's table. */
void libvirtdevice_random(struct libvirtdomain *domain, const struct model_item *item);
void libvirtdevice_card(struct libvirtdomain *domain, const struct model_item *item);
void libvirtdevice_share(struct libvirtdomain *domain, const struct model_item *item);
void libvirtdevice_drive(struct libvirtdomain *domain, const struct model_item *item);
void libvirtdevice_channel(struct libvirtdomain *domain, const struct model_item *item);
void libvirtdevice_input(struct libvirtdomain *domain, const struct model_item *item);
void libvirtdevice_tpm(struct libvirtdomain *domain, const struct model_item *item);
