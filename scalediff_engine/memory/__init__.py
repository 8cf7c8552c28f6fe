"""What a job costs in bytes and seconds, and what the device has."""
