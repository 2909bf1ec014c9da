#include "daemon/broker/brokered_exchange.h"
