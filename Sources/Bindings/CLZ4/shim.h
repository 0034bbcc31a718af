// lz4 as Swift sees it; everything imports by itself.
#ifndef SLUICE_CLZ4_SHIM_H
#define SLUICE_CLZ4_SHIM_H

#include <lz4.h>

#endif
