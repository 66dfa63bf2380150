/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data plane's figures on DPDK's telemetry socket, read only, for dpdk-telemetry.py and what
 * else speaks it: /hamd/counters, /hamd/drops, /hamd/lcores (in the shape of DPDK 23.03's
 * /eal/lcore/usage), /hamd/buffers. DPDK's own thread asks; it reads counters, no tables. The rest
 * is hamctl's.
 */
#pragma once

struct dp;

/* 0 or -errno. Once in the life of a process: DPDK cannot take commands back. */
int telemetry_start(const struct dp *dp);
void telemetry_stop(void); /* dp is not looked at any more */
