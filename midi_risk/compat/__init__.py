"""The measures under the names of sdcMicro and pycanon, and a crosscheck against pycanon."""
