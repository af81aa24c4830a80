#!/usr/bin/env python3
"""ClickHouse as an HTTP server out of PyPI's chdb-core: clickhouse_server.py DIR PORT

The wheel is ClickHouse as one shared library for Python. It has clickhouse-local, which can listen (SYSTEM START LISTEN
HTTP), but exports no way to its main function. What is known of that function: it makes a DB::LocalServer and destroys it,
at its end and where an exception passes, so it calls the destructor twice, and nobody else does; and the destructor is
who refers to the class's table of virtual functions. So from the class's name to its type, its table, its destructor, its
main. The address is kept beside the library, for the search reads half a gigabyte."""
import bisect, ctypes, mmap, os, struct, sys
import importlib.util

NAME = b"N2DB11LocalServerE\0"
PIECE = 1 << 24


class Library:
    """The sections of an ELF file of 64 bits, and who refers to an address."""

    def __init__(self, path):
        import numpy
        self.np = numpy
        with open(path, "rb") as file:
            self.bytes = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        table, = struct.unpack_from("<Q", self.bytes, 40)
        size, count, names = struct.unpack_from("<HHH", self.bytes, 58)
        heads = [struct.unpack_from("<IIQQQQ", self.bytes, table + i * size) for i in range(count)]
        start = heads[names][4]
        self.section = {}
        for head in heads:
            at = start + head[0]
            name = self.bytes[at:self.bytes.find(b"\0", at)].decode()
            self.section[name] = head[3:6]      # address, place in the file, bytes
        _, at, length = self.section[".rela.dyn"]
        self.relocations = numpy.frombuffer(self.bytes, "<i8", length // 8, at).reshape(-1, 3)
        address, at, _ = self.section[".eh_frame_hdr"]
        entries, = struct.unpack_from("<I", self.bytes, at + 8)
        starts = numpy.frombuffer(self.bytes, "<i4", entries * 2, at + 12)[::2]
        self.functions = (starts.astype(numpy.int64) + address).tolist()

    def address_of(self, place):
        return next(a + place - o for a, o, n in self.section.values() if a and o <= place < o + n)

    def pointers_to(self, address):
        """Words of the data that hold the address."""
        found = self.relocations[self.relocations[:, 2] == address]
        return [int(row[0]) for row in found]

    def function_at(self, address):
        return self.functions[bisect.bisect_right(self.functions, address) - 1]

    def references(self, addresses):
        """Places in the code of four bytes which, counted from behind them, lead to one of the addresses."""
        np = self.np
        base, at, length = self.section[".text"]
        wanted = np.array(sorted(addresses), dtype=np.int64)
        for shift in range(4):
            words = np.frombuffer(self.bytes, "<i4", (length - shift) // 4, at + shift)
            for first in range(0, len(words), PIECE):
                part = words[first:first + PIECE].astype(np.int64)
                behind = (np.arange(len(part), dtype=np.int64) + first) * 4 + base + shift + 4
                for i in np.flatnonzero(np.isin(part + behind, wanted)):
                    yield int(behind[i]) - 4

    def is_call(self, place):
        base, at, _ = self.section[".text"]
        return self.bytes[at + place - base - 1] == 0xE8


def find_main(path):
    lib = Library(path)
    name = lib.address_of(lib.bytes.find(NAME))
    types = [p - 8 for p in lib.pointers_to(name)]
    tables = [p + 8 for t in types for p in lib.pointers_to(t)]
    destructors = {lib.function_at(p) for p in lib.references(tables)}
    callers = [lib.function_at(p) for p in lib.references(destructors) if lib.is_call(p)]
    found = {f for f in callers if callers.count(f) == 2}
    if len(found) != 1:
        sys.exit(f"clickhouse_server.py: {path} is built another way: {len(found)} functions look like its main")
    return found.pop()


def kept_main(path):
    kept = f"{path}.{os.path.getsize(path)}.main"
    if not os.path.exists(kept):
        with open(f"{kept}.{os.getpid()}", "w") as file:
            file.write(str(find_main(path)))
        os.replace(file.name, kept)
    with open(kept) as file:
        return int(file.read())


class Where(ctypes.Structure):
    _fields_ = [("file", ctypes.c_char_p), ("base", ctypes.c_void_p), ("name", ctypes.c_char_p), ("at", ctypes.c_void_p)]


def main():
    folder, port = sys.argv[1:]
    path = os.path.join(os.path.dirname(importlib.util.find_spec("chdb").origin), "_chdb.abi3.so")
    address = kept_main(path)
    if folder == "-":
        return
    lib = ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
    where = Where()
    ctypes.CDLL(None).dladdr(ctypes.cast(lib.PyInit__chdb, ctypes.c_void_p), ctypes.byref(where))
    users = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clickhouse.xml")
    config = f"{folder}.xml"
    with open(config, "w") as file:
        file.write(f"<clickhouse><users_config>{users}</users_config></clickhouse>")
    args = ["clickhouse-local", "--config-file", config, "--path", folder, "--listen_host=127.0.0.1", f"--http_port={port}",
            "--function_sleep_max_microseconds_per_block=0",
            "--query", "SYSTEM START LISTEN HTTP; SELECT sleepEachRow(3) FROM numbers(1000000000) FORMAT Null"]
    argv = (ctypes.c_char_p * (len(args) + 1))(*[a.encode() for a in args], None)
    run = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.POINTER(ctypes.c_char_p))(where.base + address)
    os._exit(run(len(args), argv) & 255)


main()
