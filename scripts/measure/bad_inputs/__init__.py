"""The campaign of bad inputs: files that are cut, flipped, lying or hostile, each through the real job.

Here belongs one file for each family of bad files, `bad` with what such a file is, `originals` with the whole
files they are made of, and the judging: `judging` asks the job and says what it answered, `checks` holds the
answer against what is promised, `tracing` looks at what was opened. Nothing here is needed to run the job.
"""
