/* An NVML that answers for made machines, as its documentation says: what pynvml and torch ask of it, and no more.
 *
 * MADE_GPUS is a list of "name;GB;state", with commas between: state is "", "lost", or "mig" (two parts of 10 GB).
 * "driver" in its place answers that no driver is loaded, "version" that the library is of another driver.
 * MADE_GPUS_USED is a file with a line "gpu part pid MB" for each process that computes; part is -1 for a whole board.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7, DRIVER_NOT_LOADED = 9, GPU_IS_LOST = 15,
       LIB_RM_VERSION_MISMATCH = 18, INVALID_ARGUMENT = 2 };
enum { BOARDS = 8, PARTS = 2 };
typedef struct { int board, part; } Device; /* part -1: the whole board */
typedef struct { char name[64], state[16]; unsigned long long total; Device whole, parts[PARTS]; } Board;
typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { unsigned int pid; unsigned long long used; unsigned int gpu_instance, compute_instance; } Process;

static Board boards[BOARDS];
static int count = -1;

static int read_machine(void) {
    const char *made = getenv("MADE_GPUS");
    char text[1024], *entry, *rest = text;
    if (!made || !strcmp(made, "driver")) return DRIVER_NOT_LOADED;
    if (!strcmp(made, "version")) return LIB_RM_VERSION_MISMATCH;
    snprintf(text, sizeof text, "%s", made);
    for (count = 0; count < BOARDS && (entry = strsep(&rest, ",")) && *entry; count++) {
        Board *board = &boards[count];
        char *name = strsep(&entry, ";"), *gb = strsep(&entry, ";");
        snprintf(board->name, sizeof board->name, "%s", name);
        board->total = strtoull(gb ? gb : "0", NULL, 10) * 1000000000ULL;
        snprintf(board->state, sizeof board->state, "%s", entry ? entry : "");
        board->whole = (Device){count, -1};
        for (int part = 0; part < PARTS; part++) board->parts[part] = (Device){count, part};
    }
    return SUCCESS;
}

static unsigned long long used(Device *device, Process *found, unsigned int *number) {
    const char *path = getenv("MADE_GPUS_USED");
    FILE *file = path ? fopen(path, "r") : NULL;
    unsigned long long sum = 0, mb;
    int gpu, part;
    unsigned int pid, seen = 0, most = number ? *number : 0;
    while (file && fscanf(file, "%d %d %u %llu", &gpu, &part, &pid, &mb) == 4) {
        if (gpu != device->board || part != device->part) continue;
        if (found && seen < most) found[seen] = (Process){pid, mb * 1000000ULL, 0, 0};
        seen++;
        sum += mb * 1000000ULL;
    }
    if (file) fclose(file);
    if (number) *number = seen;
    return sum;
}

int nvmlInitWithFlags(unsigned int flags) { return read_machine(); }
int nvmlInit(void) { return read_machine(); }
int nvmlInit_v2(void) { return read_machine(); }
int nvmlShutdown(void) { return SUCCESS; }
const char *nvmlErrorString(int code) {
    return code == DRIVER_NOT_LOADED ? "Driver Not Loaded"
         : code == LIB_RM_VERSION_MISMATCH ? "Driver/library version mismatch"
         : code == GPU_IS_LOST ? "GPU is lost" : "Unknown Error";
}
int nvmlDeviceGetCount_v2(unsigned int *found) { *found = count; return SUCCESS; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, Device **device) {
    if ((int)index >= count) return INVALID_ARGUMENT;
    if (!strcmp(boards[index].state, "lost")) return GPU_IS_LOST;
    *device = &boards[index].whole;
    return SUCCESS;
}
int nvmlDeviceGetUUID(Device *device, char *text, unsigned int length) {
    if (device->part < 0) snprintf(text, length, "GPU-%d%d%d%d0000-aaaa-bbbb-cccc-dddddddddddd", device->board,
                                   device->board, device->board, device->board);
    else snprintf(text, length, "MIG-%d%d000000-aaaa-bbbb-cccc-dddddddddddd", device->board, device->part);
    return SUCCESS;
}
int nvmlDeviceGetName(Device *device, char *text, unsigned int length) {
    snprintf(text, length, "%s%s", boards[device->board].name, device->part < 0 ? "" : " MIG 1g.10gb");
    return SUCCESS;
}
int nvmlDeviceGetMemoryInfo(Device *device, Memory *memory) {
    memory->total = device->part < 0 ? boards[device->board].total : 10000000000ULL;
    memory->used = used(device, NULL, NULL);
    memory->free = memory->total - memory->used;
    return SUCCESS;
}
int nvmlDeviceGetMinorNumber(Device *device, unsigned int *minor) { *minor = device->board; return SUCCESS; }
int nvmlDeviceGetMigMode(Device *device, unsigned int *current, unsigned int *pending) {
    if (device->part >= 0) return INVALID_ARGUMENT;
    if (strstr(boards[device->board].name, "RTX")) return NOT_SUPPORTED;
    *current = *pending = !strcmp(boards[device->board].state, "mig");
    return SUCCESS;
}
int nvmlDeviceGetMaxMigDeviceCount(Device *device, unsigned int *most) { *most = 7; return SUCCESS; }
int nvmlDeviceGetMigDeviceHandleByIndex(Device *device, unsigned int index, Device **part) {
    if (index != 0 && index != 3) return NOT_FOUND; /* numbers have gaps */
    *part = &boards[device->board].parts[index ? 1 : 0];
    return SUCCESS;
}
int nvmlDeviceGetGpuInstanceId(Device *device, unsigned int *id) { *id = 9 + device->part; return SUCCESS; }
int nvmlDeviceGetComputeInstanceId(Device *device, unsigned int *id) { *id = 0; return SUCCESS; }
int nvmlDeviceGetComputeRunningProcesses_v3(Device *device, unsigned int *number, Process *found) {
    unsigned int most = *number;
    used(device, found, number);
    return *number > most ? INSUFFICIENT_SIZE : SUCCESS;
}
