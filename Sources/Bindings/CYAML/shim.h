// libyaml as Swift sees it; everything imports by itself.
#ifndef SLUICE_CYAML_SHIM_H
#define SLUICE_CYAML_SHIM_H

#include <yaml.h>

#endif
