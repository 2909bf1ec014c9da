#include "daemon/egress/credential_rule.h"
