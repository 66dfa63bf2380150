/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK's environment, from the configuration: nobody writes EAL options by hand. Main thread. */
#pragma once

#include <stddef.h>

struct conf;

/* Memory, lcores and devices of the configuration. Nothing is left in the file system once
 * the process exits (with runtime.pdump: huge page files and the runtime directory stay); what a
 * killed one leaves is taken over. EAL's own messages go to our log. 0, or -errno with a line in
 * err. */
int eal_start(const struct conf *conf, char *err, size_t err_len);
void eal_stop(void);
