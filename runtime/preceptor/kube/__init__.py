"""What a driver does only in a cluster: it tells the status of its Specialization, and keeps its log in the storage."""
