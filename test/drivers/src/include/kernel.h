/* Just enough of the kernel's interface to write drivers with: own declarations, after the published documentation.
 * API lines below are read by build-drivers.sh too: "DLL name" starts a library, every API/CAPI line adds a function to it.
 * Without POOL_THUNKS functions are called through the import table; with it, through jump thunks. */
#ifndef KERNEL_H
#define KERNEL_H

#ifdef __cplusplus
extern "C" {
#endif

typedef void *PVOID, *HANDLE;
typedef char CHAR, *PCHAR;
typedef unsigned char UCHAR, *PUCHAR, BOOLEAN;
typedef short SHORT;
typedef unsigned short USHORT, WCHAR, *PWSTR;
typedef int LONG, NTSTATUS, BOOL;
typedef unsigned int ULONG, UINT, *PULONG;
typedef long long LONGLONG, LONG64;
typedef unsigned long long ULONGLONG, ULONG64;
#ifdef _WIN64
typedef unsigned long long ULONG_PTR, SIZE_T;
#else
typedef unsigned int ULONG_PTR, SIZE_T;
#endif
typedef union { struct { ULONG Low; LONG High; } u; LONGLONG QuadPart; } LARGE_INTEGER, PHYSICAL_ADDRESS;
typedef struct { ULONG Data1; USHORT Data2, Data3; UCHAR Data4[8]; } GUID;
typedef struct { USHORT Length, MaximumLength; PWSTR Buffer; } UNICODE_STRING;
typedef struct { LONG Flink, Blink; } LIST32;
typedef struct LIST_ENTRY { struct LIST_ENTRY *Flink, *Blink; } LIST_ENTRY;
typedef struct { ULONG_PTR Opaque[24]; } LOOKASIDE;
typedef struct { ULONG_PTR Opaque[16]; } REMOVE_LOCK;
typedef struct IO_STACK { UCHAR Major, Minor, Flags, Control; PVOID Argument[4]; PVOID Device; } IO_STACK;
typedef struct IRP {
  SHORT Type; USHORT Size; PVOID Mdl; ULONG Flags; PVOID SystemBuffer; NTSTATUS Status; ULONG_PTR Information; IO_STACK *Stack;
} IRP;
typedef struct DRIVER_OBJECT DRIVER_OBJECT;
typedef struct DEVICE_OBJECT { SHORT Type; USHORT Size; DRIVER_OBJECT *Driver; PVOID Extension; struct DEVICE_OBJECT *Next; ULONG Flags; } DEVICE_OBJECT;

#ifdef _MSC_VER
#define CALL __stdcall
#else
#define CALL __attribute__((stdcall))
#endif
#if defined(_WIN64)
#undef CALL
#define CALL
#endif
typedef NTSTATUS(CALL *DISPATCH)(DEVICE_OBJECT *, IRP *);
struct DRIVER_OBJECT {
  SHORT Type; USHORT Size; DEVICE_OBJECT *Device; ULONG Flags; PVOID Start; ULONG ImageSize; PVOID Section; PVOID Extension;
  UNICODE_STRING Name; PVOID HardwareDatabase; PVOID FastIo; PVOID Init; PVOID StartIo;
  void(CALL *Unload)(DRIVER_OBJECT *);
  DISPATCH Major[28];
};

#define NOINLINE __attribute__((noinline))
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define PAGED_CODE_SECTION __attribute__((section("PAGE"), noinline))
#define INIT_CODE_SECTION __attribute__((section("INIT"), noinline))
#define OPAQUE(x) __asm__ volatile("" : "+r"(x)) /* the compiler forgets what x was */
#define NULL 0
#define TRUE 1
#define FALSE 0
#define STATUS_SUCCESS 0
#define STATUS_INSUFFICIENT_RESOURCES ((NTSTATUS)0xC000009A)
#define STATUS_INVALID_PARAMETER ((NTSTATUS)0xC000000D)
#define STATUS_NOT_SUPPORTED ((NTSTATUS)0xC00000BB)
#define NonPagedPool 0
#define PagedPool 1
#define NonPagedPoolNx 512
#define POOL_FLAG_NON_PAGED 0x40ULL
#define POOL_FLAG_PAGED 0x100ULL

#ifdef POOL_THUNKS
#define IMPORT
#else
#define IMPORT __declspec(dllimport)
#endif
#ifndef KERNEL_IS_LOCAL
#define API(result, name, parameters) IMPORT result CALL name parameters;
#define CAPI(result, name, parameters) IMPORT result name parameters;
#else /* the image is the kernel itself: it defines what others import */
#define API(result, name, parameters) result CALL name parameters;
#define CAPI(result, name, parameters) result name parameters;
#endif

/* DLL ntoskrnl.exe */
API(PVOID, ExAllocatePool, (ULONG type, SIZE_T size))
API(PVOID, ExAllocatePoolWithTag, (ULONG type, SIZE_T size, ULONG tag))
API(PVOID, ExAllocatePoolWithQuotaTag, (ULONG type, SIZE_T size, ULONG tag))
API(PVOID, ExAllocatePoolWithTagPriority, (ULONG type, SIZE_T size, ULONG tag, ULONG priority))
API(PVOID, ExAllocatePool2, (ULONG64 flags, SIZE_T size, ULONG tag))
API(PVOID, ExAllocatePool3, (ULONG64 flags, SIZE_T size, ULONG tag, PVOID parameters, ULONG count))
API(void, ExFreePool, (PVOID p))
API(void, ExFreePoolWithTag, (PVOID p, ULONG tag))
API(void, ExFreePool2, (PVOID p, ULONG tag, PVOID parameters, ULONG count))
API(NTSTATUS, ExCreatePool, (ULONG flags, ULONG_PTR tag, PVOID parameters, HANDLE *pool))
API(NTSTATUS, ExSecurePoolUpdate, (HANDLE pool, ULONG tag, PVOID p, ULONG_PTR cookie, SIZE_T offset, SIZE_T size, const void *from))
API(BOOLEAN, ExSecurePoolValidate, (HANDLE pool, ULONG tag, PVOID p, ULONG_PTR cookie))
API(PVOID, ExAllocateCacheAwareRundownProtection, (ULONG type, ULONG tag))
API(PVOID, FsRtlAllocateAePushLock, (ULONG type, ULONG tag))
API(PVOID, MmAllocateMappingAddress, (SIZE_T size, ULONG tag))
API(PVOID, MmAllocateMappingAddressEx, (SIZE_T size, ULONG tag, ULONG flags))
API(void, MmFreeMappingAddress, (PVOID p, ULONG tag))
API(PVOID, MmMapLockedPagesWithReservedMapping, (PVOID p, ULONG tag, PVOID mdl, ULONG cache))
API(void, MmUnmapReservedMapping, (PVOID p, ULONG tag, PVOID mdl))
API(PVOID, FsRtlAllocatePoolWithTag, (ULONG type, SIZE_T size, ULONG tag))
API(PVOID, FsRtlAllocatePoolWithQuotaTag, (ULONG type, SIZE_T size, ULONG tag))
API(void, FsRtlInitExtraCreateParameterLookasideList, (PVOID list, ULONG flags, SIZE_T size, ULONG tag))
API(NTSTATUS, FsRtlAllocateExtraCreateParameter, (const GUID *type, ULONG size, ULONG flags, PVOID cleanup, ULONG tag, PVOID *out))
API(void, ExInitializeNPagedLookasideList, (LOOKASIDE *list, PVOID allocate, PVOID release, ULONG flags, SIZE_T size, ULONG tag, USHORT depth))
API(void, ExInitializePagedLookasideList, (LOOKASIDE *list, PVOID allocate, PVOID release, ULONG flags, SIZE_T size, ULONG tag, USHORT depth))
API(NTSTATUS, ExInitializeLookasideListEx, (LOOKASIDE *list, PVOID allocate, PVOID release, ULONG type, ULONG flags, SIZE_T size, ULONG tag, USHORT depth))
API(void, ExDeleteNPagedLookasideList, (LOOKASIDE *list))
API(NTSTATUS, MmAllocateContiguousMemoryEx, (SIZE_T *size, PHYSICAL_ADDRESS low, PHYSICAL_ADDRESS high, PHYSICAL_ADDRESS boundary, ULONG node, ULONG protect, PVOID partition, ULONG tag, ULONG flags, PVOID *out))
API(PVOID, MmGetSystemRoutineAddress, (UNICODE_STRING *name))
API(NTSTATUS, ObReferenceObjectByHandleWithTag, (HANDLE handle, ULONG access, PVOID type, UCHAR mode, ULONG tag, PVOID *object, PVOID info))
API(void, ObDereferenceObjectDeferDeleteWithTag, (PVOID object, ULONG tag))
API(LONG64, ObfDereferenceObject, (PVOID object))
API(void, ObReferenceObjectByPointerWithTag, (PVOID object, ULONG access, PVOID type, UCHAR mode, ULONG tag))
API(void, IoInitializeRemoveLockEx, (REMOVE_LOCK *lock, ULONG tag, ULONG minutes, ULONG high, ULONG size))
API(NTSTATUS, IoAcquireRemoveLockEx, (REMOVE_LOCK *lock, PVOID tag, const CHAR *file, ULONG line, ULONG size))
API(NTSTATUS, IoCreateDevice, (DRIVER_OBJECT *driver, ULONG size, UNICODE_STRING *name, ULONG type, ULONG flags, BOOLEAN exclusive, DEVICE_OBJECT **out))
API(void, IoDeleteDevice, (DEVICE_OBJECT *device))
API(DEVICE_OBJECT *, IoAttachDeviceToDeviceStack, (DEVICE_OBJECT *device, DEVICE_OBJECT *lower))
API(void, IoDetachDevice, (DEVICE_OBJECT *device))
API(void, RtlInitUnicodeString, (UNICODE_STRING *string, const WCHAR *text))
API(NTSTATUS, RtlCopyUnicodeString, (UNICODE_STRING *to, const UNICODE_STRING *from))
API(void, KeInitializeEvent, (PVOID event, ULONG type, BOOLEAN state))
API(LONG, KeSetEvent, (PVOID event, LONG increment, BOOLEAN wait))
API(NTSTATUS, KeWaitForSingleObject, (PVOID object, ULONG reason, ULONG mode, BOOLEAN alertable, LARGE_INTEGER *timeout))
API(NTSTATUS, PsCreateSystemThread, (HANDLE *thread, ULONG access, PVOID attributes, HANDLE process, PVOID client, PVOID start, PVOID context))
API(NTSTATUS, PsSetCreateProcessNotifyRoutine, (PVOID routine, BOOLEAN remove))
API(void, KeBugCheckEx, (ULONG code, ULONG_PTR a, ULONG_PTR b, ULONG_PTR c, ULONG_PTR d))
API(NTSTATUS, ZwOpenKey, (HANDLE *key, ULONG access, PVOID attributes))
API(NTSTATUS, ZwQueryValueKey, (HANDLE key, UNICODE_STRING *name, ULONG kind, PVOID buffer, ULONG size, ULONG *needed))
API(NTSTATUS, ZwClose, (HANDLE handle))
API(NTSTATUS, ZwWriteFile, (HANDLE file, HANDLE event, PVOID apc, PVOID context, PVOID status, PVOID buffer, ULONG size, PVOID offset, PVOID key))
API(PVOID, IoAllocateMdl, (PVOID buffer, ULONG size, BOOLEAN secondary, BOOLEAN quota, IRP *irp))
API(PVOID, IoAllocateIrp, (CHAR stacks, BOOLEAN quota))
API(PVOID, IoAllocateWorkItem, (DEVICE_OBJECT *device))
API(void, IoQueueWorkItem, (PVOID item, PVOID routine, ULONG queue, PVOID context))
CAPI(ULONG, DbgPrint, (const CHAR *format, ...))
CAPI(PVOID, memcpy, (PVOID to, const void *from, SIZE_T size))
CAPI(PVOID, memset, (PVOID to, int value, SIZE_T size))
CAPI(int, memcmp, (const void *a, const void *b, SIZE_T size))
API(PVOID, ExpInterlockedPopEntrySList, (PVOID list))
API(PVOID, ExpInterlockedPushEntrySList, (PVOID list, PVOID entry))
API(void, RtlInitializeGenericTable, (PVOID table, PVOID compare, PVOID allocate, PVOID release, PVOID context))
API(void, RtlInitializeGenericTableAvl, (PVOID table, PVOID compare, PVOID allocate, PVOID release, PVOID context))
API(PVOID, RtlInsertElementGenericTableAvl, (PVOID table, PVOID element, ULONG size, BOOLEAN *isNew))
API(NTSTATUS, RtlVerifyVersionInfo, (PVOID version, ULONG mask, ULONG64 condition))
API(ULONG, RtlRandomEx, (ULONG *seed))
API(LONG, RtlCompareUnicodeString, (const UNICODE_STRING *a, const UNICODE_STRING *b, BOOLEAN ignoreCase))
API(NTSTATUS, EtwRegister, (const GUID *provider, PVOID callback, PVOID context, ULONG64 *handle))
API(NTSTATUS, EtwWrite, (ULONG64 handle, const void *descriptor, const GUID *activity, ULONG count, PVOID data))
API(NTSTATUS, ZwQuerySystemInformation, (ULONG kind, PVOID buffer, ULONG size, ULONG *needed))
API(PVOID, IoAllocateErrorLogEntry, (PVOID object, UCHAR size))
API(PVOID, IoBuildDeviceIoControlRequest, (ULONG code, DEVICE_OBJECT *device, PVOID in, ULONG inSize, PVOID out, ULONG outSize, BOOLEAN internal, PVOID event, PVOID status))
API(NTSTATUS, IoAllocateDriverObjectExtension, (DRIVER_OBJECT *driver, PVOID id, ULONG size, PVOID *out))
API(PVOID, IoGetDriverObjectExtension, (DRIVER_OBJECT *driver, PVOID id))
API(NTSTATUS, IoGetDeviceProperty, (DEVICE_OBJECT *device, ULONG property, ULONG size, PVOID buffer, ULONG *needed))
API(PVOID, MmGetVirtualForPhysical, (PHYSICAL_ADDRESS address))
API(void, KeInitializeTimer, (PVOID timer))
API(void, KeInitializeDpc, (PVOID dpc, PVOID routine, PVOID context))
API(void, ExQueueWorkItem, (PVOID item, ULONG queue))
API(NTSTATUS, ExInitializeResourceLite, (PVOID resource))
CAPI(int, _vsnprintf, (CHAR *to, SIZE_T size, const CHAR *format, __builtin_va_list arguments))
CAPI(int, strncmp, (const CHAR *a, const CHAR *b, SIZE_T size))
CAPI(PVOID, memmove, (PVOID to, const void *from, SIZE_T size))
CAPI(int, __C_specific_handler, (PVOID record, PVOID frame, PVOID context, PVOID dispatcher))
CAPI(int, _except_handler3, (PVOID record, PVOID frame, PVOID context, PVOID dispatcher))
API(NTSTATUS, ExDeleteResourceLite, (PVOID resource))
API(BOOLEAN, ExAcquireResourceExclusiveLite, (PVOID resource, BOOLEAN wait))
API(BOOLEAN, ExAcquireResourceSharedLite, (PVOID resource, BOOLEAN wait))
API(void, ExReleaseResourceLite, (PVOID resource))
API(void, KeEnterCriticalRegion, (void))
API(void, KeLeaveCriticalRegion, (void))
API(void, KeInitializeSpinLock, (ULONG_PTR *lock))
API(UCHAR, KeAcquireSpinLockRaiseToDpc, (ULONG_PTR *lock))
API(void, KeReleaseSpinLock, (ULONG_PTR *lock, UCHAR irql))
API(PVOID, RtlLookupElementGenericTableAvl, (PVOID table, PVOID element))
API(BOOLEAN, RtlDeleteElementGenericTableAvl, (PVOID table, PVOID element))
API(void, ExDeletePagedLookasideList, (LOOKASIDE *list))
API(void, ExDeleteLookasideListEx, (LOOKASIDE *list))
API(void, ExFreeCacheAwareRundownProtection, (PVOID reference))
API(void, FsRtlFreeAePushLock, (PVOID lock))
API(void, MmFreeContiguousMemory, (PVOID p))
API(PHYSICAL_ADDRESS, MmGetPhysicalAddress, (PVOID p))
API(void, IoCompleteRequest, (IRP *irp, CHAR boost))
API(void, IoFreeWorkItem, (PVOID item))
API(NTSTATUS, ObOpenObjectByPointerWithTag, (PVOID object, ULONG attributes, PVOID state, ULONG access, PVOID type, UCHAR mode, ULONG tag, HANDLE *handle))
API(PVOID, RtlInsertElementGenericTable, (PVOID table, PVOID element, ULONG size, BOOLEAN *isNew))
API(BOOLEAN, RtlDeleteElementGenericTable, (PVOID table, PVOID element))
API(PVOID, RtlEnumerateGenericTableWithoutSplayingAvl, (PVOID table, PVOID *restart))
API(void, FsRtlInitializeLargeMcb, (PVOID mcb, ULONG type))
API(BOOLEAN, FsRtlAddLargeMcbEntry, (PVOID mcb, LONGLONG vbn, LONGLONG lbn, LONGLONG count))
API(void, FsRtlUninitializeLargeMcb, (PVOID mcb))
API(NTSTATUS, FsRtlInsertExtraCreateParameter, (PVOID list, PVOID parameter))
API(NTSTATUS, ZwReadFile, (HANDLE file, HANDLE event, PVOID apc, PVOID context, PVOID status, PVOID buffer, ULONG size, PVOID offset, PVOID key))
API(void, IoFreeMdl, (PVOID mdl))
API(void, FsRtlInitializeOplock, (PVOID oplock))
API(void, FsRtlUninitializeOplock, (PVOID oplock))
API(NTSTATUS, FsRtlCheckOplock, (PVOID oplock, IRP *irp, PVOID context, PVOID completion, PVOID post))
API(NTSTATUS, RtlGetCompressionWorkSpaceSize, (USHORT format, ULONG *buffer, ULONG *fragment))
API(NTSTATUS, RtlDecompressBufferEx, (USHORT format, PVOID out, ULONG outSize, PVOID in, ULONG inSize, ULONG *final, PVOID workspace))
API(NTSTATUS, RtlUpcaseUnicodeString, (UNICODE_STRING *to, const UNICODE_STRING *from, BOOLEAN allocate))
API(NTSTATUS, RtlQueryRegistryValues, (ULONG relative, const WCHAR *path, PVOID table, PVOID context, PVOID environment))
API(NTSTATUS, RtlCreateSecurityDescriptor, (PVOID descriptor, ULONG revision))
API(NTSTATUS, RtlCreateAcl, (PVOID acl, ULONG size, ULONG revision))
API(NTSTATUS, RtlAddAccessAllowedAce, (PVOID acl, ULONG revision, ULONG mask, PVOID sid))
API(NTSTATUS, RtlSetDaclSecurityDescriptor, (PVOID descriptor, BOOLEAN present, PVOID dacl, BOOLEAN defaulted))
API(void, IoRegisterFileSystem, (DEVICE_OBJECT *device))
API(NTSTATUS, PsTerminateSystemThread, (NTSTATUS status))
API(NTSTATUS, PsSetCreateProcessNotifyRoutineEx, (PVOID routine, BOOLEAN remove))
API(NTSTATUS, PsSetLoadImageNotifyRoutine, (PVOID routine))
API(NTSTATUS, CmRegisterCallbackEx, (PVOID callback, UNICODE_STRING *altitude, PVOID driver, PVOID context, LARGE_INTEGER *cookie, PVOID reserved))
API(NTSTATUS, ObRegisterCallbacks, (PVOID registration, PVOID *handle))
API(PVOID, RtlLookupElementGenericTable, (PVOID table, PVOID element))
API(NTSTATUS, IoGetDeviceObjectPointer, (UNICODE_STRING *name, ULONG access, PVOID *file, DEVICE_OBJECT **device))
API(NTSTATUS, IoCallDriver, (DEVICE_OBJECT *device, PVOID irp))

/* DLL hal.dll */
API(void, KeStallExecutionProcessor, (ULONG microseconds))
API(LARGE_INTEGER, KeQueryPerformanceCounter, (LARGE_INTEGER *frequency))

/* DLL fltmgr.sys */
API(NTSTATUS, FltRegisterFilter, (DRIVER_OBJECT *driver, const void *registration, PVOID *filter))
API(NTSTATUS, FltStartFiltering, (PVOID filter))
API(void, FltUnregisterFilter, (PVOID filter))
API(NTSTATUS, FltAllocateContext, (PVOID filter, USHORT type, SIZE_T size, ULONG pool, PVOID *context))
API(void, FltReleaseContext, (PVOID context))
API(PVOID, FltAllocatePoolAlignedWithTag, (PVOID instance, ULONG type, SIZE_T size, ULONG tag))
API(void, FltFreePoolAlignedWithTag, (PVOID instance, PVOID p, ULONG tag))
API(void, FltInitExtraCreateParameterLookasideList, (PVOID filter, PVOID list, ULONG flags, SIZE_T size, ULONG tag))
API(NTSTATUS, FltAllocateExtraCreateParameter, (PVOID filter, const GUID *type, ULONG size, ULONG flags, PVOID cleanup, ULONG tag, PVOID *out))
API(PVOID, FltGetRoutineAddress, (const CHAR *name))
API(NTSTATUS, FltGetFileNameInformation, (PVOID data, ULONG options, PVOID *out))
API(NTSTATUS, FltSetInstanceContext, (PVOID instance, ULONG operation, PVOID context, PVOID *old))
API(NTSTATUS, FltSendMessage, (PVOID filter, PVOID *port, PVOID message, ULONG size, PVOID reply, ULONG *replySize, LARGE_INTEGER *timeout))
API(NTSTATUS, FltCreateCommunicationPort, (PVOID filter, PVOID *port, PVOID attributes, PVOID cookie, PVOID connect, PVOID disconnect, PVOID message, LONG connections))
API(void, FltReleaseFileNameInformation, (PVOID information))
API(NTSTATUS, FltParseFileNameInformation, (PVOID information))
API(NTSTATUS, FltGetInstanceContext, (PVOID instance, PVOID *context))
API(NTSTATUS, FltSetStreamContext, (PVOID instance, PVOID file, ULONG operation, PVOID context, PVOID *old))
API(NTSTATUS, FltGetVolumeName, (PVOID volume, UNICODE_STRING *name, ULONG *needed))
API(PVOID, FltAllocateGenericWorkItem, (void))
API(NTSTATUS, FltQueueGenericWorkItem, (PVOID item, PVOID object, PVOID routine, ULONG queue, PVOID context))
API(void, FltFreeGenericWorkItem, (PVOID item))
API(void, FltCloseCommunicationPort, (PVOID port))
API(NTSTATUS, FltGetStreamContext, (PVOID instance, PVOID file, PVOID *context))
API(NTSTATUS, FltSetTransactionContext, (PVOID instance, PVOID transaction, ULONG operation, PVOID context, PVOID *old))
API(NTSTATUS, FltReadFile, (PVOID instance, PVOID file, LARGE_INTEGER *offset, ULONG size, PVOID buffer, ULONG flags, ULONG *read, PVOID callback, PVOID context))
API(NTSTATUS, FltWriteFile, (PVOID instance, PVOID file, LARGE_INTEGER *offset, ULONG size, PVOID buffer, ULONG flags, ULONG *written, PVOID callback, PVOID context))

/* DLL ndis.sys */
API(NTSTATUS, NdisMRegisterMiniportDriver, (DRIVER_OBJECT *driver, UNICODE_STRING *path, HANDLE context, PVOID characteristics, HANDLE *handle))
API(NTSTATUS, NdisAllocateMemoryWithTag, (PVOID *out, UINT size, ULONG tag))
API(PVOID, NdisAllocateMemoryWithTagPriority, (HANDLE adapter, UINT size, ULONG tag, ULONG priority))
API(void, NdisFreeMemoryWithTag, (PVOID p, ULONG tag))
API(void, NdisFreeMemoryWithTagPriority, (HANDLE adapter, PVOID p, ULONG tag))
API(void, NdisFreeMemory, (PVOID p, UINT size, UINT flags))
API(PVOID, NdisAllocateGenericObject, (DRIVER_OBJECT *driver, ULONG tag, USHORT size))
API(NTSTATUS, NdisAllocateCloneOidRequest, (HANDLE source, PVOID request, ULONG tag, PVOID *clone))
API(NTSTATUS, NdisAllocateNetBufferListContext, (PVOID list, USHORT size, USHORT backfill, ULONG tag))
API(void, NdisInitializeNPagedLookasideList, (PVOID list, PVOID allocate, PVOID release, ULONG flags, ULONG size, ULONG tag, USHORT depth))
API(HANDLE, NdisAllocateNetBufferListPool, (HANDLE adapter, const void *parameters))
API(HANDLE, NdisAllocateNetBufferPool, (HANDLE adapter, const void *parameters))
API(NTSTATUS, NdisAllocateTimerObject, (HANDLE adapter, const void *characteristics, HANDLE *timer))
API(NTSTATUS, NdisMSetMiniportAttributes, (HANDLE adapter, const void *attributes))
API(NTSTATUS, NdisFRegisterFilterDriver, (DRIVER_OBJECT *driver, HANDLE context, PVOID characteristics, HANDLE *handle))
API(PVOID, NdisAllocateNetBufferList, (HANDLE pool, USHORT context, USHORT backfill))
API(PVOID, NdisAllocateNetBufferMdlAndData, (HANDLE pool))
API(HANDLE, NdisAllocateIoWorkItem, (HANDLE object))
API(NTSTATUS, NdisFSetAttributes, (HANDLE filter, HANDLE context, PVOID attributes))
API(PVOID, NdisAllocateCloneNetBufferList, (PVOID list, HANDLE listPool, HANDLE bufferPool, ULONG flags))
API(void, NdisFreeCloneNetBufferList, (PVOID list, ULONG flags))
API(void, NdisFreeNetBufferListPool, (HANDLE pool))
API(void, NdisFSendNetBufferLists, (HANDLE filter, PVOID lists, ULONG port, ULONG flags))
API(PVOID, NdisAllocateMdl, (HANDLE handle, PVOID address, UINT size))
API(PVOID, NdisGetDataBuffer, (PVOID buffer, ULONG size, PVOID storage, ULONG align, ULONG offset))

/* DLL storport.sys */
API(ULONG, StorPortInitialize, (PVOID a, PVOID b, PVOID data, PVOID context))
CAPI(ULONG, StorPortExtendedFunction, (ULONG code, PVOID extension, ...))
CAPI(void, StorPortNotification, (ULONG type, PVOID extension, ...))

/* DLL videoprt.sys */
API(PVOID, VideoPortAllocatePool, (PVOID extension, ULONG type, SIZE_T size, ULONG tag))
API(void, VideoPortFreePool, (PVOID extension, PVOID p))

/* DLL usbd.sys */
API(NTSTATUS, USBD_ValidateConfigurationDescriptor, (const void *descriptor, ULONG size, USHORT level, PUCHAR *offset, ULONG tag))
API(PVOID, USBD_CreateConfigurationRequestEx, (PVOID descriptor, PVOID interfaces))

/* DLL ks.sys */
API(NTSTATUS, _KsEdit, (PVOID bag, PVOID *pointer, ULONG size, ULONG old, ULONG tag))

/* DLL win32k.sys */
API(PVOID, EngAllocMem, (ULONG flags, ULONG size, ULONG tag))
API(void, EngFreeMem, (PVOID p))
API(PVOID, EngAllocUserMem, (SIZE_T size, ULONG tag))
API(PVOID, EngAllocPrivateUserMem, (PVOID surface, SIZE_T size, ULONG tag))

/* DLL win32kbase.sys */
API(PVOID, Win32AllocPool, (SIZE_T size, ULONG tag))
API(PVOID, Win32AllocPoolZInit, (SIZE_T size, ULONG tag))
API(PVOID, Win32AllocPoolNonPaged, (SIZE_T size, ULONG tag))
API(PVOID, Win32AllocPoolNonPagedZInit, (SIZE_T size, ULONG tag))
API(PVOID, Win32AllocPoolWithQuota, (SIZE_T size, ULONG tag))
API(PVOID, Win32AllocPoolWithQuotaZInit, (SIZE_T size, ULONG tag))
API(PVOID, AllocThreadBufferWithTag, (SIZE_T size, ULONG tag, ULONG zero))
API(PVOID, UserReAllocPool, (PVOID p, SIZE_T old, SIZE_T size, ULONG tag))
API(PVOID, UserReAllocPoolZInit, (PVOID p, SIZE_T old, SIZE_T size, ULONG tag))
API(PVOID, UserReAllocPoolWithQuota, (PVOID p, SIZE_T old, SIZE_T size, ULONG tag))
API(PVOID, UserReAllocPoolWithQuotaZInit, (PVOID p, SIZE_T old, SIZE_T size, ULONG tag))

/* DLL ext-ms-win-moderncore-win32k-base-ntuser-l1-1-0.dll */
API(PVOID, Win32AllocPoolImpl, (ULONG type, SIZE_T size, ULONG tag))
API(PVOID, Win32AllocPoolWithQuotaImpl, (ULONG type, SIZE_T size, ULONG tag))

/* DLL wdfldr.sys */
API(NTSTATUS, WdfVersionBind, (DRIVER_OBJECT *driver, UNICODE_STRING *path, PVOID info, PVOID *globals))
API(NTSTATUS, WdfVersionUnbind, (UNICODE_STRING *path, PVOID info, PVOID globals))

/* DLL wpprecorder.sys */
API(NTSTATUS, WppRecorderLogCreate, (PVOID parameters, PVOID *log))

/* DLL fwpkclnt.sys */
API(NTSTATUS, FwpsCalloutRegister1, (PVOID device, const void *callout, ULONG *id))
API(NTSTATUS, FwpsInjectionHandleCreate0, (USHORT family, ULONG flags, HANDLE *handle))
API(NTSTATUS, FwpsAllocateNetBufferAndNetBufferList0, (HANDLE pool, USHORT context, USHORT backfill, PVOID mdl, ULONG offset, SIZE_T length, PVOID *out))
API(NTSTATUS, FwpsFlowAssociateContext0, (ULONG64 flow, USHORT layer, ULONG callout, ULONG64 context))
API(NTSTATUS, FwpsAllocateCloneNetBufferList0, (PVOID list, HANDLE listPool, HANDLE bufferPool, ULONG flags, PVOID *out))
API(NTSTATUS, FwpsInjectNetworkSendAsync0, (HANDLE injection, HANDLE context, ULONG flags, ULONG compartment, PVOID list, PVOID completion, PVOID completionContext))

/* DLL netio.sys */
API(NTSTATUS, WskRegister, (const void *client, PVOID registration))
API(NTSTATUS, WskCaptureProviderNPI, (PVOID registration, ULONG wait, PVOID provider))
API(void, WskReleaseProviderNPI, (PVOID registration))
API(void, WskDeregister, (PVOID registration))

/* A module of which nothing is documented: no rule of the scanner may know its functions by name. */
/* DLL netpart.sys */
API(PVOID, NpxAllocateBlock, (SIZE_T size, ULONG tag, ULONG flags))
API(NTSTATUS, NpxCreateBlockPool, (PVOID owner, ULONG count, SIZE_T size, ULONG tag, PVOID *pool))
API(PVOID, NpxReallocateWithTag, (PVOID p, SIZE_T size, ULONG tag))
API(PVOID, NpxAllocateFrame, (ULONG format, ULONG width, ULONG height))
API(PVOID, NpxAllocatePair, (ULONG first, ULONG second))
API(PVOID, NpxAllocateOnce, (SIZE_T size, ULONG code))
API(NTSTATUS, NpxSendMessage, (ULONG code, PVOID data))

/* END */

#include "guard.h"

#ifdef __cplusplus
}
#endif
#endif
