"""The operator: makes KubeRay RayJobs of Specializations. Imports nothing of Preceptor but ``spec`` and ``errors``."""
