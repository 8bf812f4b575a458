"""What people do with dataset versions: list them, look into one, compare two, check them, take one elsewhere.

    run.py        what there is: a run with its ledger, or one version that was copied away (copied.py)
    listing.py    all versions, a line each
    showing.py    one version in detail
    comparing.py  what changed from one to another
    verifying.py  recomputes every digest: files.py of what lies there, rows.py of what the rows say
    exporting.py  one file for other tools; formats.py: their layouts

Each gives frozen results that the console renders; nothing here prints, and only an export writes.
"""
