#include "daemon/egress/chunked_body.h"
