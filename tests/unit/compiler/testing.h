/* SPDX-License-Identifier: Apache-2.0
 *
 * cmocka and what it needs before itself.
 */
#ifndef RNM_TESTS_COMPILER_TESTING_H
#define RNM_TESTS_COMPILER_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
