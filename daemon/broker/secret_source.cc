#include "daemon/broker/secret_source.h"
