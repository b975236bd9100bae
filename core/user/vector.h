/* core/user/vector.h - struct iovec of the guest. */
#pragma once

#include <stdint.h>

struct iovec;

/**
 * user_iovec - read an array of guest vectors and make its pointers the host's.
 * @iov:   room for IOV_MAX entries
 * @from:  guest address
 * @count: entries
 *
 * Returns 0; -EINVAL if there are too many; -EFAULT if the array or what it points to lies outside of the guest.
 */
int64_t user_iovec(struct iovec *iov, uint64_t from, uint64_t count);
