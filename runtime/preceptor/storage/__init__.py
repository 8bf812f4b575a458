"""Everything a run remembers: a rooted store on fsspec, the ledger, dataset versions."""
