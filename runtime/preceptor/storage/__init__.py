"""Everything a run remembers: a rooted store on fsspec, the ledger, dataset versions, evaluations, tables.

    store.py        one root on a disk, in memory or in a bucket; atomic writes and create-only writes
    layout.py       where everything lies below a run's root
    ledger.py       the append-only memory with one fenced writer; lease.py: who that writer is
    datasets/       immutable dataset versions named by their content; card.py and croissant.py describe them,
                    spool.py holds their rows until they are complete
    evaluations.py  predictions, written once
    tables.py       reading the records a user brings; remote.py: from https, GitHub and the Hugging Face hub

``backends.py``, ``patience.py`` and ``failures.py`` serve ``store.py``: how each kind of root does it, trying again,
and what errors mean.
"""
