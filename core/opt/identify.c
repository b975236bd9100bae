#include "core/opt/identify.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "core/base/alloc.h"
#include "core/base/bits.h"
#include "core/base/bytes.h"
#include "core/base/error.h"

/* ELF ------------------------------------------------------------------------------------------------------------ */

static const struct {
    uint16_t machine;
    uint8_t bits;
    const char *arch;
    uint64_t ram;         /* where the `virt` machine's RAM begins: a fixed program above it wants the machine */
} machines[] = {
    { EM_RISCV, 64, "riscv64", 0x80000000 }, { EM_RISCV, 32, "riscv32", 0x80000000 },
    { EM_AARCH64, 64, "aarch64", 0x40000000 }, { EM_ARM, 32, "arm", 0x40000000 },
    { EM_X86_64, 64, "x86_64", 0 }, { EM_386, 32, "i386", 0 },
};

struct elf_facts {
    bool interpreter;
    bool high;            /* linked in the upper half of the address space */
    uint64_t load;        /* lowest physical address; UINT64_MAX if nothing is loaded */
};

/* The headers of both classes say the same at other places. */
static struct elf_facts elf_facts(const uint8_t *p, size_t len, bool is64)
{
    struct elf_facts f = { .load = UINT64_MAX };
    uint64_t at = is64 ? load_le64(p + 32) : load_le32(p + 28);
    unsigned each = load_le16(p + (is64 ? 54 : 42)), count = load_le16(p + (is64 ? 56 : 44));

    for (unsigned i = 0; i < count && each >= (is64 ? 56 : 32); i++, at += each) {
        if (at > len || len - at < each)
            break;
        switch (load_le32(p + at)) {
        case PT_INTERP: f.interpreter = true; break;
        case PT_LOAD:
            f.load = MIN(f.load, is64 ? load_le64(p + at + 24) : load_le32(p + at + 12));
            f.high |= is64 ? load_le64(p + at + 16) >> 63 : load_le32(p + at + 8) >= 0xc0000000;
            break;
        }
    }
    return f;
}

static struct file_identity identify_elf(const uint8_t *p, size_t len)
{
    struct file_identity id = { FILE_UNKNOWN, NULL, "ELF" };
    bool is64 = p[4] == ELFCLASS64;

    if (len < (is64 ? 64 : 52) || p[5] != ELFDATA2LSB || load_le16(p + 16) == ET_REL)
        return id;
    for (size_t i = 0; i < ARRAY_LEN(machines); i++) {
        struct elf_facts f = elf_facts(p, len, is64);

        if (machines[i].machine != load_le16(p + 18) || machines[i].bits != (is64 ? 64 : 32))
            continue;
        id.arch = machines[i].arch;
        /* What loads into the machine's RAM wants the machine. A kernel is linked high and entered by its firmware's
         * rules, a bare program is linked where it loads. */
        id.kind = FILE_PROGRAM;
        if (!f.interpreter && machines[i].ram && f.load >= machines[i].ram && f.load != UINT64_MAX)
            id.kind = f.high ? FILE_KERNEL : FILE_BARE;
        return id;
    }
    return id;
}

/* Kernels and disks ---------------------------------------------------------------------------------------------- */

static bool has(const uint8_t *p, size_t len, size_t at, const char *magic, size_t n)
{
    return len >= at + n && memcmp(p + at, magic, n) == 0;
}

#define HAS(at, magic) has(p, len, (at), (magic), sizeof(magic) - 1)

static bool is_partitioned(const uint8_t *p, size_t len)
{
    bool used = false;

    if (HAS(512, "EFI PART"))
        return true;
    if (!HAS(510, "\x55\xaa"))
        return false;
    for (int i = 0; i < 4; i++) {
        const uint8_t *entry = p + 446 + 16 * i;

        if (entry[0] & 0x7f)
            return false;
        used |= entry[4] != 0;
    }
    return used;
}

struct file_identity identify_bytes(const uint8_t *p, size_t len)
{
    /* Image: Documentation/arch/{riscv/boot-image-header,arm64/booting}; zImage: arm/booting; bzImage: x86/boot */
    if (HAS(0, "\177ELF") && len >= 20)
        return identify_elf(p, len);
    if (HAS(56, "RSC\x05") && HAS(48, "RISCV"))
        return (struct file_identity){ FILE_KERNEL, "riscv64", "Image" };
    if (HAS(56, "ARM\x64"))
        return (struct file_identity){ FILE_KERNEL, "aarch64", "Image" };
    if (HAS(36, "\x18\x28\x6f\x01"))
        return (struct file_identity){ FILE_KERNEL, "arm", "zImage" };
    if (HAS(514, "HdrS") && HAS(510, "\x55\xaa"))
        return (struct file_identity){ FILE_KERNEL, "x86_64", "bzImage" };
    if (HAS(0, "QFI\xfb"))
        return (struct file_identity){ FILE_DISK, NULL, "qcow2" };
    if (HAS(0, "KDMV") || HAS(0, "# Disk DescriptorFile"))
        return (struct file_identity){ FILE_DISK, NULL, "vmdk" };
    if (HAS(64, "\x7f\x10\xda\xbe"))
        return (struct file_identity){ FILE_DISK, NULL, "vdi" };
    if (HAS(0, "vhdxfile"))
        return (struct file_identity){ FILE_DISK, NULL, "vhdx" };
    if (HAS(0, "conectix"))
        return (struct file_identity){ FILE_DISK, NULL, "vpc" };
    if (HAS(32769, "CD001"))
        return (struct file_identity){ FILE_ISO, NULL, "raw" };
    if (is_partitioned(p, len))
        return (struct file_identity){ FILE_DISK, NULL, "raw" };
    return (struct file_identity){ FILE_UNKNOWN, NULL, "data" };
}

/* Reading -------------------------------------------------------------------------------------------------------- */

/* The beginning of what a gzip stream holds; returns its length, 0 if it is none. */
static size_t gunzip_start(const uint8_t *in, size_t len, uint8_t *out, size_t room)
{
    z_stream z = { .next_in = (uint8_t *)in, .avail_in = len, .next_out = out, .avail_out = room };
    int ret;

    if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
        return 0;
    ret = inflate(&z, Z_SYNC_FLUSH);
    inflateEnd(&z);
    return ret == Z_OK || ret == Z_STREAM_END || ret == Z_BUF_ERROR ? room - z.avail_out : 0;
}

/* "MZ", then "zimg", and at 8 where the packed kernel begins: drivers/firmware/efi/libstub/zboot-header.S */
static struct file_identity identify_packed(const uint8_t *p, size_t len)
{
    struct file_identity id = identify_bytes(p, len);
    size_t skip = 0;
    uint8_t *out;

    if (HAS(0, "MZ") && HAS(4, "zimg") && load_le32(p + 8) < len)
        skip = load_le32(p + 8);
    if (id.kind != FILE_UNKNOWN || len < skip + 18 || p[skip] != 0x1f || p[skip + 1] != 0x8b)
        return id;
    out = xmalloc(IDENTIFY_BYTES);
    id = identify_bytes(out, gunzip_start(p + skip, len - skip, out, IDENTIFY_BYTES));
    free(out);
    return id;
}

int identify_file(const char *path, struct file_identity *id, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), ret = 0;
    uint8_t *bytes;
    struct stat st;
    ssize_t n;

    if (fd < 0)
        return error_errno(err, "cannot open '%s'", path);
    bytes = xmalloc(IDENTIFY_BYTES);
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        ret = error_set(err, EISDIR, "'%s' is a folder", path);
    else if ((n = pread(fd, bytes, IDENTIFY_BYTES, 0)) < 0)
        ret = error_errno(err, "cannot read '%s'", path);
    else
        *id = identify_packed(bytes, n);
    free(bytes);
    close(fd);
    return ret;
}
