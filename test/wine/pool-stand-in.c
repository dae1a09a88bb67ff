/* A stand-in for the two functions that pooltag watch calls: 7,000 tags, more than the first buffer holds, of which one
 * grows with each call. Built by mingw as a DLL of ours; koffi loads it in place of ntdll.dll and psapi.dll. */
#include <stdint.h>
#include <string.h>

#define EXPORT __declspec(dllexport)
#define TAGS 7000
#define STATUS_INVALID_INFO_CLASS 0xC0000003u
#define STATUS_INFO_LENGTH_MISMATCH 0xC0000004u
#define SYSTEM_POOL_TAG_INFORMATION 22

struct record {
  char tag[4];
  uint32_t paged_allocs, paged_frees;
  uintptr_t paged_used;
  uint32_t nonpaged_allocs, nonpaged_frees;
  uintptr_t nonpaged_used;
};

struct answer {
  uint32_t count;
  struct record records[TAGS];
};

struct performance {
  uint32_t cb;
  uintptr_t commit_total, commit_limit, commit_peak, physical_total, physical_available, system_cache, kernel_total,
      kernel_paged, kernel_nonpaged, page_size;
  uint32_t handles, processes, threads;
};

static uint32_t calls;

EXPORT uint32_t __stdcall NtQuerySystemInformation(uint32_t kind, void *buffer, uint32_t bytes, uint32_t *returned) {
  struct answer *answer = buffer;
  uint32_t i;
  if (kind != SYSTEM_POOL_TAG_INFORMATION) return STATUS_INVALID_INFO_CLASS;
  if (returned) *returned = sizeof *answer;
  if (bytes < sizeof *answer) return STATUS_INFO_LENGTH_MISMATCH;
  calls++;
  memset(answer, 0, sizeof *answer);
  answer->count = TAGS;
  for (i = 0; i < TAGS; i++) {
    struct record *record = &answer->records[i];
    record->tag[0] = 'S';
    record->tag[1] = 'a' + i / 676;
    record->tag[2] = 'a' + i / 26 % 26;
    record->tag[3] = 'a' + i % 26;
    record->paged_allocs = 2 * i + 2;
    record->paged_frees = i + 1;
    record->paged_used = 32 * (i + 1);
  }
  memcpy(answer->records[0].tag, "Thre", 4);
  answer->records[0].nonpaged_allocs = 1000 + calls;
  answer->records[0].nonpaged_frees = 900;
  /* Beyond 32 bits, so that a size read in halves shows. */
  answer->records[0].nonpaged_used = ((uintptr_t)5 << 32) + 1024 * calls;
  return 0;
}

EXPORT int32_t __stdcall GetPerformanceInfo(void *buffer, uint32_t bytes) {
  struct performance *performance = buffer;
  if (bytes != sizeof *performance || performance->cb != sizeof *performance) return 0;
  performance->physical_total = 8000000;
  performance->physical_available = 3000000;
  performance->commit_total = 1000;
  performance->commit_limit = 2000;
  performance->commit_peak = 1500;
  performance->kernel_paged = 500;
  performance->kernel_nonpaged = 400;
  performance->page_size = 4096;
  return 1;
}
