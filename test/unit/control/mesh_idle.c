/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stand-ins of what is around the mesh of a site and has nothing to do in a lab: it is made, and
 * never runs. What a lab has to say of these modules it says itself.
 */
#include "common/util.h"
#include "control/ctl_priv.h"
#include "control/mesh/channel.h"
#include "control/mesh/pulse.h"
#include "control/mesh/route.h"
#include "dataplane/dp.h"

int channel_new(struct ctl *ctl, char *err, size_t err_len)
{
	(void)ctl;
	(void)err;
	(void)err_len;
	return 0;
}

void channel_free(struct ctl *ctl)
{
	(void)ctl;
}

bool channel_run(struct ctl *ctl)
{
	(void)ctl;
	return false;
}

int pulse_new(struct ctl *ctl, char *err, size_t err_len)
{
	(void)ctl;
	(void)err;
	(void)err_len;
	return 0;
}

void pulse_free(struct ctl *ctl)
{
	(void)ctl;
}

int route_new(struct ctl *ctl, char *err, size_t err_len)
{
	(void)ctl;
	(void)err;
	(void)err_len;
	return 0;
}

void route_free(struct ctl *ctl)
{
	(void)ctl;
}

bool route_run(struct ctl *ctl)
{
	(void)ctl;
	return false;
}

void dp_turn_part(struct dp *dp, enum turn_part part)
{
	(void)dp;
	(void)part;
}
