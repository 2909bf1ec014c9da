#include "daemon/egress/request_head.h"
