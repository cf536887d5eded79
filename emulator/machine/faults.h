// Where a fault comes back to.
#pragma once
#include <setjmp.h>
#include <signal.h>

extern sigjmp_buf escape;
