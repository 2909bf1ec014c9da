#include "daemon/broker/authority.h"
