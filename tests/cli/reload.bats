# Rules that change while hta-window counts by them: plain streams, and what a file may say. Jobs are in fault/scenes_rules.py, stores in store/cas.bats.
load ../helpers

setup() { cd "$BATS_TEST_TMPDIR" || return; }

deploy() { # RULES...
	printf '%s\n' "$@" >rules.new
	mv rules.new rules.json
}
rule() { echo '{"rule_id":"'"$1"'","version":'"$2"',"window_size":"1m","metric":"count"'"${3:+,$3}"'}'; }
event() { echo '{"ts":"2026-01-01T00:0'"$1"':00Z","k":"'"${2:-a}"'"}'; }

begin_at() { # RULES OPTION...
	mkfifo in
	spawn window bash -c 'exec hta-window -v --rules "$@" <in' - "$@"
	exec 7>in
	rules_are_read
}
rules_are_read() { wait_until 60 test -e "$HTA_RUN/hta-window.$pid.page"; }
begin() { begin_at rules.json "$@"; } # OPTION...
told() { wait_until 60 grep -q "$1" window.err; }
# So many events are counted by the rules of now: those that come next are of what follows.
taken() { wait_until 60 has_taken "$1"; } # EVENTS
has_taken() { [ "$(hta-top --json | jq '.stages[] | select(.alive and .program == "hta-window") | .counters.records_in')" = "$1" ]; }
counted() { jq -r '"\(.metric) \(.window_start[14:16]) \(.dims | join(",")) \(.count)"' window.out; }

@test "reload: what stays keeps its windows, what ends writes them" {
	deploy "$(rule stays 1)" "$(rule ends 1)"
	begin
	event 1 >&7
	taken 1
	# a version that counts the same goes on, another begins rows of its own
	deploy "$(rule stays 2 '"note":"as before"')" "$(rule ends 2 '"group_by":["k"]')" "$(rule new 1)"
	told 'read anew: set'
	event 2 >&7
	event 1 b >&7
	exec 7>&-
	exits_with 0 60
	diff <(counted) - <<-'END'
		ends 01  1
		stays 01  2
		stays 02  1
		ends@2 01 b 1
		ends@2 02 a 1
		new 01  1
		new 02  1
	END
}

@test "reload: a file that does not fit is told, and the old rules go on" {
	deploy "$(rule web 1)" "$(rule two 1)"
	begin --lateness 0s -j 2
	event 1 >&7
	deploy '{"rule_id":"web"'
	told 'rules.json:.*the rules stay as they were'
	deploy "$(rule web 1)"
	told 'rule two is missing, it is active'
	deploy "$(rule web 1 '"group_by":["k"]')" "$(rule two 1)"
	told 'web counts something else than its version 1 here: give it a higher version, 2'
	deploy "$(rule web 1)" "$(rule two 1 '"time":"at"')"
	told 'does not change while it goes on'
	deploy "$(rule web 1)" "$(rule two 1)"
	kill -USR1 "$pid"
	told 'read anew, and are the same'
	event 3 >&7
	exec 7>&-
	exits_with 0 60
	diff <(counted | sort) - <<-'END'
		two 01  1
		two 03  1
		web 01  1
		web 03  1
	END
}

@test "reload: a folder, and a file that is replaced ten times a second" {
	mkdir rules
	rule one 1 >rules/a.json
	begin_at rules
	event 1 >&7
	taken 1
	for i in {1..30}; do
		rule two 1 '"note":"'"$i"'"' >rules/.b && mv rules/.b rules/b.json
	done
	told 'read anew: set'
	event 1 >&7
	exec 7>&-
	exits_with 0 60
	diff <(counted) - <<-'END'
		one 01  2
		two 01  1
	END
}

@test "reload: a folder or file that links lead to, exchanged as a whole" {
	mkdir one two
	rule stays 1 | tee one/rules.json >two/rules.json
	rule new 1 >>two/rules.json
	for rules in folder folder/rules.json file.json; do
		rm -f in folder file.json
		ln -s one folder
		ln -s folder/rules.json file.json
		begin_at "$rules"
		event 1 >&7
		taken 1
		ln -s two folder.new
		mv -T folder.new folder
		told 'read anew: set'
		event 2 >&7
		exec 7>&-
		exits_with 0 60
		diff <(counted) - <<-'END'
			stays 01  1
			stays 02  1
			new 02  1
		END
	done
}

@test "reload: a file that changes while the others are read" {
	mkfifo more in
	deploy "$(rule one 1)"
	spawn window bash -c 'exec hta-window -v --rules rules.json --rules more <in'
	exec 7>in 8>more	# a reader has come for the second: the first was read
	deploy "$(rule one 1)" "$(rule two 1)"
	rule more 1 >&8
	exec 8>&-
	rules_are_read	# a writer that comes before finds the reader of now
	rule more 1 | timeout 60 tee more
	told 'read anew: set'
	event 2 >&7
	exec 7>&-
	exits_with 0 60
	diff <(counted) - <<-'END'
		one 02  1
		two 02  1
		more 02  1
	END
}

# A job in whose second event new rules come, and are read before its third.
change_job() { # TOLD NEW...
	local told=$1
	shift
	event 1 >ev
	event 2 >>ev
	event 4 >>ev
	deploy "$(rule web 1)"
	printf '%s\n' "$@" >rules.next
	cat >gate <<-'END'
		while IFS= read -r line; do
			printf '%s\n' "$line"
			# with the second event read, the first one's barrier is behind
			[[ $line != *00:02:00Z* ]] || { taken 2 && mv rules.next rules.json && told "$1"; }
		done
	END
	export -f wait_until svc_now_ms told taken has_taken
	feed pipe "hta-consume --job web --epoch-records 1 ev | bash gate '$told' |
		hta-window -v --foreign --rules rules.json 2>window.err | hta-sink-sqlite --init db | hta-commit"
}

@test "reload: a job's new rule has its views at once" {
	change_job 'read anew: set' "$(rule web 1)" "$(rule new 1 '"group_by":["k"]')"
	not says 'views of metrics are not made'
	[ "$(sqlite3 db 'select k, "count" from new')" = 'a|1' ]
}

@test "reload: a job takes no rule that folds, as at a start" {
	change_job 'the rules stay as they were' "$(rule web 1)" "$(rule new 1 '"group_by":["k"],"max_groups":2,"fold":["k"]')"
	grep -q 'max-groups is for final rows' window.err
	[ "$(sqlite3 db 'select metric, sum(count) from hta_rollups group by 1')" = 'web|3' ]
}

@test "reload: --retire goes with --rules, and with no rule of that name" {
	deploy "$(rule web 1)"
	fails_with 64 hta-window --retire web <<<"$(event 1)"
	says 'it goes with --rules'
	fails_with 64 hta-window --rules rules.json --retire web <<<"$(event 1)"
	says 'take it out of the file'
	feed hta-window --rules rules.json --retire old <<<"$(event 1)"
	deploy "$(rule web 1 '"active":false')"
	fails_with 78 hta-window --rules rules.json <<<"$(event 1)"
	says 'no rule is active'
}

@test "reload: a rule that is retired ends, at a start and while it runs" {
	deploy "$(rule web 1)" "$(rule old 1 '"retired":true')"
	begin
	event 1 >&7
	taken 1
	deploy "$(rule web 1 '"retired":true')" "$(rule old 1 '"retired":true')" "$(rule new 1)"
	told 'read anew: set'
	event 2 >&7
	exec 7>&-
	exits_with 0 60
	diff <(counted) - <<-'END'
		web 01  1
		new 02  1
	END
	deploy "$(rule old 1 '"retired":true')"
	fails_with 78 hta-window --rules rules.json <<<"$(event 1)"
	says 'no rule is active'
}

@test "reload: NAME is the newest version, NAME@N another" {
	local job='hta-consume --job web --dead drop ev | hta-window --dead drop --rules rules.json | hta-sink-sqlite --init db | hta-commit'
	event 1 >ev
	deploy "$(rule web 1)"
	feed pipe "$job"
	event 2 >>ev
	deploy "$(rule web 2 '"group_by":["k"]')"
	feed pipe "$job"
	event 3 >>ev
	deploy "$(rule web 3 '"group_by":["k"],"note":"the same"')"
	feed pipe "$job"
	[ "$(hta-query -d db history web | jq -r .metric | uniq -c | xargs)" = '2 web@2' ]
	[ "$(hta-query -d db history web@3 | jq -r .metric | uniq -c | xargs)" = '2 web@2' ]
	[ "$(hta-query -d db history web@1 | jq -r .metric | uniq -c | xargs)" = '1 web' ]
	fails_with 1 hta-query -d db history web@0
	# the file of before is stale, and another meaning under one version is refused
	deploy "$(rule web 2 '"group_by":["k"]')"
	fails_with 75 pipe "$job"
	says 'rule web is in version 3 here'
	deploy "$(rule web 3)"
	fails_with 78 pipe "$job"
	says 'give it a higher version, 4'
}

@test "reload: a signal before the rules are read waits until they are" {
	mkfifo rules in
	spawn window bash -c 'exec hta-window -v --rules rules <in'
	exec 7>in
	held() { (( 16#$(awk '/^SigBlk/ { print $2 }' "/proc/$pid/status") & 0x200 )); }
	wait_until 60 held
	kill -USR1 "$pid"
	for _ in 1 2; do
		timeout 60 bash -c "echo '{\"rule_id\":\"a\",\"window_size\":\"1m\",\"metric\":\"count\"}' >rules"
		rules_are_read	# and not by a reader that is still there
	done
	exec 7>&-
	exits_with 0 60
}
