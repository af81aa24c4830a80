# Acknowledged streams by hand, for the tests of one sink: what a source and a window would have written above it. Lines come on stdout:
#
#	{ hello; probe; init events/0:0; add A 0 1 2.5; bar 1 events/0:0:10; end; } | hta-sink-redis --foreign --init
#
# --foreign because nobody counts lines here. A delta is `add DIM MINUTE COUNT VALUE`: VALUE is sum, min and max of that many records.

inc=0123456789abcdef
gen=${gen:-fedcba9876543210}
job=${job:-web}

ctl() { printf '{"$hta":"%s","k":%s}\n' $inc "$1"; } # MEMBERS

# Metrics are "NAME CFG", a window of a minute each.
hello() { # [METRIC...]
	local m list=
	[ $# -gt 0 ] || set -- "m 00000000000000aa"
	for m; do list+=${list:+,}'{"name":"'${m% *}'","cfg":"'${m#* }'","def":{"every":"1m"},"every_us":60000000}'; done
	printf '{"$hta":"hello","v":1,"inc":"%s","job":"%s","group":"g","unit":"record","ack":"/nowhere","stages":[%s,%s]}\n' $inc "$job" \
		'{"s":"hta-consume","version":"0","pid":1,"cfg":"0000000000000000"}' \
		'{"s":"hta-window","version":"0","pid":1,"cfg":"0000000000000000","metrics":['"$list"'],"lateness_us":0}'
}

probe() { ctl '"probe","n":1,"job":"'"$job"'","claim":[],"sinks":[]'; }

init() { # TOPIC/PARTITION:OFFSET...
	local p list=
	for p; do list+=${list:+,}'{"t":"'${p%/*}'","p":'$(cut -d: -f1 <<<"${p##*/}")',"o":'${p##*:}'}'; done
	ctl '"init","to":null,"act":"'"${act:-adopt}"'","gen":"'$gen'","now":false,"pos":['"$list"']'
}

# Ranges are TOPIC/PARTITION:FROM:TO, or with :idle behind. With wm=US that is the watermark of each.
bar() { # EPOCH RANGE...
	local e=$1 r f list= marks= part idle
	shift
	for r; do
		IFS=: read -r part f to idle <<<"$r"
		list+=${list:+,}'{"t":"'${part%/*}'","p":'${part##*/}',"f":"'$f'","to":"'$to'"'
		[ "$f" = "$to" ] || list+=',"lo":"'$((to - 1))'","lt":1700000000000000,"lh":"00000000000000ff"'
		list+=',"idle":'$([ -n "$idle" ] && echo true || echo false)'}'
		[ -z "${wm:-}" ] || marks+=${marks:+,}'["'${part%/*}'",'${part##*/}','$wm']'
	done
	ctl '"bar","e":'"$e"',"gen":"'$gen'","r":['"$list"'],"acct":[{"s":"hta-window","in":0,"out":0'"${marks:+,\"wm\":[$marks]}"'}]'
}

end() { ctl '"end","reason":"stop"'; }

# MINUTE counts from 2026-01-01T00:00Z, or from base in seconds.
add() { # DIM MINUTE COUNT VALUE
	local from=$((${base:-1767225600} + 60 * $2))
	printf '{"op":"%s","metric":"%s","window_start":"%s","window_end":"%s","dims":{"d":"%s"},"dims_hash":"%s","count":%s,"value_count":%s,"sum":"%s","min":"%s","max":"%s"}\n' \
		"${op:-add}" "${metric:-m}" "$(rfc3339 $from)" "$(rfc3339 $((from + 60)))" "$1" "$(hash_of "$1")" "$3" "$3" "$4" "$4" "$4"
}

rfc3339() { date -u -d "@$1" +%Y-%m-%dT%H:%M:%SZ; }

# Any 32 digits will do: a sink does not compare them with the dimensions.
hash_of() { printf '%s' "$1" | md5sum | cut -c1-32; }
