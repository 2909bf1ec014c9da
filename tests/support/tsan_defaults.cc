// What ThreadSanitizer asks a program for at its start (sanitizer/tsan_interface.h):
// compiled in, for a test gives its programs an environment of its own.

extern "C" {

const char* __tsan_default_options();       // NOLINT(bugprone-reserved-identifier)
const char* __tsan_default_suppressions();  // NOLINT(bugprone-reserved-identifier)

const char* __tsan_default_options() { return "ignore_noninstrumented_modules=1"; }

// The distribution's libraries are not instrumented: what they synchronise inside
// is invisible, and gRPC leaves threads of its own behind at the end.
const char* __tsan_default_suppressions() {
  return "called_from_lib:libgrpc.so\n"
         "called_from_lib:libgrpc++_unsecure.so\n"
         "called_from_lib:libgrpc_unsecure.so\n"
         "called_from_lib:libgpr.so\n"
         "thread:^grpc_core::Thread\n"
         "race:^grpc::\n"
         "race:^grpc_core::\n"
         "race:^absl::\n"
         "mutex:^grpc_core::\n"
         "mutex:^absl::\n";
}

}  // extern "C"
