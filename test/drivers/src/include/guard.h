/* Control Flow Guard's load configuration, for the drivers that are built with it (POOL_CFG). */
#ifdef POOL_CFG
extern PVOID __guard_fids_table[];
extern ULONG __guard_fids_count, __guard_flags;
static void CALL GuardAllowsEverything(void) {}
const PVOID __guard_check_icall_fptr __attribute__((section(".00cfg"), used)) = (PVOID)GuardAllowsEverything;
const PVOID __guard_dispatch_icall_fptr __attribute__((section(".00cfg"), used)) = (PVOID)GuardAllowsEverything;
#ifdef _WIN64
const struct { ULONG size; UCHAR before[0x6C]; const PVOID *check, *dispatch; PVOID *table; ULONG64 count; ULONG flags; }
  _load_config_used __attribute__((used)) = {0x94, {0}, &__guard_check_icall_fptr, &__guard_dispatch_icall_fptr, __guard_fids_table, (ULONG64)&__guard_fids_count, 0x500};
#else
const struct { ULONG size; UCHAR before[0x44]; const PVOID *check, *dispatch; PVOID *table; PVOID count; ULONG flags; }
  _load_config_used __attribute__((used)) = {0x5C, {0}, &__guard_check_icall_fptr, &__guard_dispatch_icall_fptr, __guard_fids_table, &__guard_fids_count, 0x500};
#endif
#endif
