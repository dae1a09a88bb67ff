/* Control Flow Guard's load configuration, for the drivers that are built with it (POOL_CFG). */
#ifdef POOL_CFG
extern PVOID __guard_fids_table[];
extern ULONG __guard_fids_count;
extern const PVOID __guard_check_icall_fptr, __guard_dispatch_icall_fptr;
static void CALL GuardAllowsEverything(void) {}
const PVOID __guard_check_icall_fptr __attribute__((section(".00cfg"), used)) = (PVOID)GuardAllowsEverything;
const PVOID __guard_dispatch_icall_fptr __attribute__((section(".00cfg"), used)) = (PVOID)GuardAllowsEverything;
#ifdef _WIN64
typedef struct { ULONG size; UCHAR before[0x6C]; const PVOID *check, *dispatch; PVOID *table; ULONG64 count; ULONG flags; } LOAD_CONFIG;
#define COUNT (ULONG64) & __guard_fids_count
#define SIZE 0x94
#else
typedef struct { ULONG size; UCHAR before[0x44]; const PVOID *check, *dispatch; PVOID *table; PVOID count; ULONG flags; } LOAD_CONFIG;
#define COUNT &__guard_fids_count
#define SIZE 0x5C
#endif
extern const LOAD_CONFIG _load_config_used;
const LOAD_CONFIG _load_config_used __attribute__((used)) = {
  SIZE, {0}, &__guard_check_icall_fptr, &__guard_dispatch_icall_fptr, __guard_fids_table, COUNT, 0x500};
#undef COUNT
#undef SIZE
#endif

/* The cookie of stacks that are checked, for the drivers that are built with it (POOL_GS). */
#ifdef POOL_GS
#ifdef __i386__
#define COOKIE_CALL __attribute__((fastcall))
#else
#define COOKIE_CALL
#endif
ULONG_PTR __security_cookie = (ULONG_PTR)0xBB40E64E;
__attribute__((no_stack_protector, used, noinline)) void COOKIE_CALL __security_check_cookie(ULONG_PTR cookie) {
  if (cookie != __security_cookie) KeBugCheckEx(0xF7, cookie, __security_cookie, 0, 0);
}
#endif
