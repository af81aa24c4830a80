"""The counters page of a stage, as hta-protocol(7) has it."""
import os
import struct

NAMES = ("records_in records_out bytes_in bytes_out rows_in rows_out aggregated filtered late duplicate dead lost rounded expired epochs_out "
         "epochs_acked epochs_in_flight blocked_in_us blocked_out_us store_us retries lag_records lag_us watermark_us groups partitions last_ack_us "
         "ahead times_twice times_skipped records_direct late_after_final partly dims_cut keys forgotten").split()


def counter(program, pid, name):
    """0 where there is no page yet."""
    try:
        with open(os.path.join(os.environ["HTA_RUN"], f"{program}.{pid}.page"), "rb") as f:
            page = f.read(4096)
    except OSError:
        return 0
    return struct.unpack_from("=Q", page, 1104 + 8 * NAMES.index(name))[0]
