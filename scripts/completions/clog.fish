# SPDX-License-Identifier: MIT
#
# Completion of clog and clog-verify for fish.

# The options, each behind what is there up to the last comma.
function __clog_options
    set -l before (string replace -r '[^,]*$' '' -- (commandline -ct))
    for option in \
        'max_store=	roll before a store passes it' \
        'max_index=	roll before an index passes it' \
        'max_record=	the longest record' \
        'max_held=	most held in unfinished lines' \
        'sync	make each record durable at once' \
        'staging=	a buffer that outlives the daemon' \
        'sync=	seconds between syncs' \
        'sync=always	make each record durable at once' \
        'async	do not make each record durable at once' \
        'retain_bytes=	drop the oldest segments to stay within it' \
        'retain_records=	likewise' \
        'retain_age=	likewise' \
        'segment_age=	roll a segment that is older' \
        'full=error	on a full disk, refuse records' \
        'full=drop_oldest	on a full disk, drop the oldest segment' \
        'keep_unread	drop nothing that a cursor has not read' \
        'damaged=error	log fails at a damaged record' \
        'damaged=skip	log goes on at a damaged record' \
        'uid=	owner of all files' \
        'gid=	group of all files' \
        'umask=	permissions that no file has' \
        'ro	mount for reading' \
        'rw	mount for writing' \
        'allow_other	let other users in' \
        'config=	take options from a file'
        echo $before$option
    end
end

for command in clog mount.clog mount.fuse.clog
    complete -c $command -x -a '(__fish_complete_directories)'
    complete -c $command -s f -d 'stay in the foreground'
    complete -c $command -s d -d 'print each request'
    complete -c $command -s s -d 'without effect'
    complete -c $command -s o -x -a '(__clog_options)' -d 'options'
    complete -c $command -s h -l help -d 'print a summary'
    complete -c $command -s V -l version -d 'print the versions'
end

complete -c clog-verify -x -a '(__fish_complete_directories)'
complete -c clog-verify -s r -l repair -d 'mend what needs no guessing'
complete -c clog-verify -s j -l json -d 'print one JSON object'
complete -c clog-verify -s h -l help -d 'print a summary'
complete -c clog-verify -s V -l version -d 'print the version'
