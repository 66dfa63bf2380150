/* SPDX-License-Identifier: BSD-3-Clause */
/* A test's own directory, and all that is in it. */
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is not there is fine. Links are removed, not followed. Returns 0, or -1 when anything is left.
 * Not by opendir(): tsan sees it close a descriptor, but not open it, and takes that for the one of
 * this number that another thread had before. */
static inline int tree_remove(const char *path)
{
	struct dirent **entry;
	int n = scandir(path, &entry, NULL, NULL);
	char *name;

	for (int i = 0; i < n; i++) {
		if (strcmp(entry[i]->d_name, ".") != 0 && strcmp(entry[i]->d_name, "..") != 0 &&
			asprintf(&name, "%s/%s", path, entry[i]->d_name) >= 0) {
			if (unlink(name) < 0)
				tree_remove(name);
			free(name);
		}
		free(entry[i]);
	}
	if (n >= 0)
		free(entry);
	(void)rmdir(path);
	return access(path, F_OK) < 0 ? 0 : -1;
}
