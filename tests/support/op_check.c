#include "support/op_check.h"
