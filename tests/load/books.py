"""The books: what the client knows that it sent, what it was told, and what is where in the end.

The client makes each event good, late, dead (below) or a duplicate, so each column has two sides that know nothing of each other."""
SENT = ("sent", "acknowledged", "refused")
MADE = ("good", "late", "dead", "duplicate")


class Books:
    def __init__(self):
        self.figures = dict.fromkeys(SENT + MADE + ("counted_duplicate",), 0)
        self.balanced, self.lines = True, []

    def add(self, got):
        for name in self.figures:
            self.figures[name] += got[name]

    def compare(self, what, wanted, got):
        if wanted != got:
            self.balanced = False
        self.lines.append(f"{what:<52} {wanted:>12,} {'=' if wanted == got else 'IS NOT'} {got if got is None else format(got, ',')}")

    def close(self, pipeline):
        """Lets what was taken come to the stores, ends the pipeline, compares. Lines for people."""
        f = self.figures
        pipeline.wait_for(f["good"])
        intake = pipeline.intake()
        stored, window = pipeline.end(), pipeline.window()
        self.lines.append("")
        self.compare(f"sent = acknowledged + {f['refused']:,} refused", f["sent"], f["acknowledged"] + f["refused"])
        self.compare("acknowledged = intake: accepted + duplicate", f["acknowledged"], intake["accepted"] + intake["duplicate"])
        self.compare("duplicates sent = told in the answers", f["duplicate"], f["counted_duplicate"])
        self.compare("duplicates sent = intake's counter", f["duplicate"], intake["duplicate"])
        self.compare("intake: accepted = hta-window: aggregated + dead", intake["accepted"], window["aggregated"] + window["dead"])
        for store, got in stored.items():
            for kind in ("good", "late", "dead"):
                self.compare(f"{kind} sent = {kind} in {store}", f[kind], got[kind])
            self.compare(f"acknowledged = {store}: all of these + duplicate", f["acknowledged"],
                         sum(n or 0 for n in got.values()) + intake["duplicate"])
        self.lines.append("the books balance" if self.balanced else "THE BOOKS DO NOT BALANCE")
        return self.lines
