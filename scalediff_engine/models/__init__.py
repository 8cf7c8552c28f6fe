"""Model families: what each one needs to know, and one small file each that says how it runs."""
