# hta-parse: lines of text into records.
load ../helpers
setup() { cd "$BATS_TEST_TMPDIR"; }

frank='127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif?a=b HTTP/1.0" 200 2326'
more='"http://www.example.com/start.html" "Mozilla/4.08 [en] (Win98; I ;Nav)"'

# Lines of standard input by a format, each bad one followed by why in the file dead.
parse() { feed hta-parse --dead dead --format "$@"; }
reasons() { jq -r .reason dead; }

@test "combined and common" {
	parse common <<<"$frank"
	expect <<-'END'
		{"host":"127.0.0.1","user":"frank","time":"2000-10-10T20:55:36Z","method":"GET","path":"/apache_pb.gif?a=b","protocol":"HTTP/1.0","status":200,"bytes":2326}
	END
	parse combined <<<"$frank $more"
	expect <<-'END'
		{"host":"127.0.0.1","user":"frank","time":"2000-10-10T20:55:36Z","method":"GET","path":"/apache_pb.gif?a=b","protocol":"HTTP/1.0","status":200,"bytes":2326,"referer":"http://www.example.com/start.html","agent":"Mozilla/4.08 [en] (Win98; I ;Nav)"}
	END
	parse COMBINED <<<'::1 id - [10/Oct/2000:23:59:60 +0530] "-" - - "-" ""'
	expect <<-'END'
		{"host":"::1","ident":"id","time":"2000-10-10T18:30:00Z","agent":""}
	END
}

@test "requests that are none, escapes, what is not there" {
	parse combined <<-'END'
		h - a b [01/Jan/2026:00:00:00 +0000] "" 400 0 "-" "-"
		h - - [01/Jan/2026:00:00:01 +0000] "\x16\x03\x01\x00\xEE\xFF" 000 - "-" "-"
		h - - [01/Jan/2026:00:00:02 +0000] "GET /a b HTTP/1.1" 400 0 "-" "-"
		h - - [01/Jan/2026:00:00:03 +0000] "GET /" 200 0 "-" "-"
		h - - [01/Jan/2026:00:00:04 +0000] "GET /\xc3\xa9\xE2\x82\xAC?\x22\"\\\t\b HTTP/2" 200 12 "caf\xe9" "\\x41é	\x41"
	END
	expect <<-'END'
		{"host":"h","user":"a b","time":"2026-01-01T00:00:00Z","request":"","status":400,"bytes":0}
		{"host":"h","time":"2026-01-01T00:00:01Z","request":"\u0016\u0003\u0001\u0000\\xEE\\xFF","status":0}
		{"host":"h","time":"2026-01-01T00:00:02Z","request":"GET /a b HTTP/1.1","status":400,"bytes":0}
		{"host":"h","time":"2026-01-01T00:00:03Z","request":"GET /","status":200,"bytes":0}
		{"host":"h","time":"2026-01-01T00:00:04Z","method":"GET","path":"/é€?\"\"\\\t\\b","protocol":"HTTP/2","status":200,"bytes":12,"referer":"caf\\xe9","agent":"\\x41é\tA"}
	END
	jq -c . "$out" >/dev/null
}

@test "a line whose frame does not fit says what and where" {
	parse combined <<-END
		$frank $more
		$frank
		$frank $more "0.012"
		host - - 10/Oct/2000:13:55:36 "GET / HTTP/1.0" 200 1 "-" "-"
		host - - [10/Okt/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 1 "-" "-"
		host - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0 200 1 "-" "-
		host - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 20 1 "-" "-"
		host - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 1k "-" "-"
		www:80 host - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 1 "-" "-"
		host
		host - - [10/Oct/1969:13:55:36 -0700] "GET / HTTP/1.0" 200 1 "-" "-"
	END
	[ "$(wc -l <"$out")" = 1 ]
	reasons >got
	expect got <<-'END'
		no referer behind the bytes (byte 90)
		more behind the agent; a PATTERN may say what it is (byte 162)
		no user with a time in brackets behind it (byte 8)
		no time as 10/Oct/2000:13:55:36 -0700 (byte 11)
		no blank behind the request (byte 62)
		no status of three digits (byte 56)
		no whole number of bytes (byte 60)
		a field too many in front of the time; a PATTERN may say what it is (byte 13)
		no host with a blank behind it (byte 1)
		no time as 10/Oct/2000:13:55:36 -0700 (byte 11)
	END
	[ "$(jq -r '"\(.file) \(.line)"' dead | head -n 1)" = 'standard input 2' ]
	fails_with 65 hta-parse --format common - <<<$'h\n'"$frank"
	says 'standard input:1: no host with a blank behind it \(byte 1\)'
	says '1 of 2 lines were bad'
}

@test "what is not UTF-8 is bad, a blank line is nothing, a mark in front and \\r are not of the text" {
	printf '\xef\xbb\xbf%s\r\n\n\r\n%s\n' "$frank" "${frank/\?/$'\xc3\xa9\xff'}" >in
	feed hta-parse --dead dead --format common in
	[ "$(jq -r .host "$out")" = 127.0.0.1 ]
	[ "$(reasons)" = "not UTF-8 (byte 69)" ]
	printf 'a="\xff" b=1\nc=\xc3\xa9\n' >in
	rm dead
	feed hta-parse --dead dead --format logfmt in
	expect <<<'{"c":"é"}'
	[ "$(reasons)" = "not UTF-8 (byte 4)" ]
}

@test "logfmt" {
	parse logfmt <<-'END'
		level=info msg="a \"while\" \u00e9\n" took=12.5 n=-1e3 zip=007 cached url=/a?b=c empty=
		a=1 b=2 a="3"
		  "a"=1
		a=1 b="open
		only words
		a="x"b=1
		=1
	END
	expect <<-'END'
		{"level":"info","msg":"a \"while\" \u00e9\n","took":12.5,"n":-1e3,"zip":"007","cached":true,"url":"/a?b=c","empty":""}
		{"b":2,"a":"3"}
	END
	reasons >got
	expect got <<-'END'
		a quote in a key (byte 3)
		a quote that is not closed (byte 7)
		no KEY=VALUE in the line (byte 1)
		text behind a value in quotes (byte 6)
		no key in front of = (byte 1)
	END
}

@test "csv: types, quotes, header" {
	printf '%s\r\n' 'id,name,"a ""b"""' '1,"x, ""y""",' '007,true,1e5' '-0.0,"12",12345678901234567890' '9007199254740992,é,.5' >in
	feed hta-parse --format csv in
	expect <<-'END'
		{"id":1,"name":"x, \"y\"","a \"b\"":""}
		{"id":"007","name":"true","a \"b\"":1e5}
		{"id":-0.0,"name":"12","a \"b\"":"12345678901234567890"}
		{"id":9007199254740992,"name":"é","a \"b\"":".5"}
	END
	parse csv <<-'END'
		a,b
		1
		1,2,3
		"1"x,2
		1,x"y
		1,2
	END
	expect <<<'{"a":1,"b":2}'
	reasons >got
	expect got <<-'END'
		1 field, and 2 names
		3 fields, and 2 names
		text behind a field in quotes; a quote in one is doubled (byte 4)
		a quote in a field without quotes (byte 4)
	END
	fails_with 65 hta-parse --format csv <<<'a,b,"a"'
	says 'standard input: header: two columns are called "a"'
	fails_with 64 hta-parse --format csv --names a,b,a </dev/null
}

@test "csv: each file has its header, --names in place of it, other separators" {
	printf '\xef\xbb\xbfa;b\n1;2\n' >one
	printf 'b;a\n3;4' >two
	: >none
	feed hta-parse --format csv --separator ';' one none two one
	expect <<-'END'
		{"a":1,"b":2}
		{"b":3,"a":4}
		{"a":1,"b":2}
	END
	feed hta-parse --format csv --separator ';' --names 'a,b' one two
	expect <<-'END'
		{"a":1,"b":2}
		{"a":"b","b":"a"}
		{"a":3,"b":4}
	END
	parse csv --separator '\t' <<<$'a\tb\n1\t"2\t"'
	expect <<<'{"a":1,"b":"2\t"}'
	parse tsv <<<$'a\tb\n"x"\tone\\ttwo\\nthree\\\\n\\x\n1\t'
	expect <<-'END'
		{"a":"\"x\"","b":"one\ttwo\nthree\\n\\x"}
		{"a":1,"b":""}
	END
}

@test "csv: a record of several lines, whatever the blocks" {
	python3 - <<-'END'
		import csv, json, random
		r = random.Random(7)
		rows = [["id", "text\nof two", "n"]]
		for i in range(30000):
		    rows.append([str(i), "".join(r.choice(["a", ",", '"', "\n", "\r\n", "é", " "]) for _ in range(r.choice([0, 3, 20]))), str(r.random())[:9]])
		rows[5000][1] = "\n" * 400000
		with open("in", "w", newline="") as f:
		    csv.writer(f, lineterminator="\n", quoting=csv.QUOTE_MINIMAL).writerows([rows[0]])
		    w = csv.writer(f, lineterminator="\n", quoting=csv.QUOTE_ALL)
		    for row in rows[1:]:
		        f.write('%s,"%s",%s\n' % (row[0], row[1].replace('"', '""'), row[2]))
		with open("want", "w") as f:
		    for row in rows[1:]:
		        f.write('{"id":%s,%s:%s,"n":%s}\n' % (row[0], json.dumps(rows[0][1]), json.dumps(row[1], ensure_ascii=False), row[2]))
	END
	feed hta-parse --format csv in
	cmp "$out" want
	feed hta-parse --format csv - <in
	cmp "$out" want
	# blocks of a few bytes
	head -c 20000 in >some
	feed hta-parse --format csv --dead drop some
	mv "$out" whole
	feed pipe 'python3 -c "import os; [os.write(1, bytes([b])) for b in open(\"some\", \"rb\").read()]" | hta-parse --format csv --dead drop'
	[ "$(wc -l <whole)" -gt 100 ]
	cmp "$out" whole
}

@test "csv: a quote that is not closed ends with its file, its length or a line too long" {
	printf '%s\n' a,b '1,"x' 'y,2' >one
	printf '%s\n' a,b 3,4 >two
	feed hta-parse --dead dead --format csv one two
	expect <<<'{"a":3,"b":4}'
	[ "$(jq -c '[.file, .line, .reason, .record]' dead)" = '["one",2,"a quote that is not closed","1,\"x\ny,2"]' ]
	{ printf '%s\n' a,b '1,"x'; head -c 500 /dev/zero | tr '\0' 'z'; printf '\n5,6\n'; } >long
	rm dead
	feed hta-parse --max-line 100 --dead dead --format csv long
	expect <<<'{"a":5,"b":6}'
	[ "$(jq -c '[.line, .reason]' dead)" = '[3,"line of 500 bytes, longer than --max-line"]
[2,"a quote that is not closed"]' ]
	{ printf '%s\n' a,b '1,"x'; seq 1000 1100; } >many
	rm dead
	fails_with 65 hta-parse --max-line 100 --format csv many
	says 'many:2: a quote that is not closed within --max-line'
	{ head -c 500 /dev/zero | tr '\0' 'z'; printf '\n5,6\n'; } >header
	fails_with 65 hta-parse --max-line 100 --format csv header
	says 'the header is longer than --max-line'
	# bad in its third line, told at its first
	printf '%s\n' a,b '1,"x' '' '2"3' 5,6 >one
	fails_with 65 hta-parse --format csv one
	expect <<<'{"a":5,"b":6}'
	says 'one:2: text behind a field in quotes'
}

@test "patterns of GoAccess, as its manual has them" {
	parse '%h %^[%d:%t %^] "%r" %s %b "%R" "%u"' <<<"$frank $more"
	expect <<-'END'
		{"host":"127.0.0.1","time":"2000-10-10T13:55:36Z","method":"GET","path":"/apache_pb.gif?a=b","protocol":"HTTP/1.0","status":200,"bytes":2326,"referer":"http://www.example.com/start.html","agent":"Mozilla/4.08 [en] (Win98; I ;Nav)"}
	END
	says 'leaves out an offset from UTC'
	parse '%h %^ %e [%x] "%r" %s %b' <<<"$frank"
	expect <<-'END'
		{"host":"127.0.0.1","user":"frank","time":"2000-10-10T20:55:36Z","method":"GET","path":"/apache_pb.gif?a=b","protocol":"HTTP/1.0","status":200,"bytes":2326}
	END
	parse '%h %^ %e [%x] "%m %U %H" %s %b' --datetime-format '%d/%b/%Y:%H:%M:%S %z' <<<"$frank"
	[ "$(jq -r .time "$out")" = 2000-10-10T20:55:36Z ]
	parse '%h %^[%d:%t %^] %^' --zone Europe/Berlin <<<"$frank"
	[ "$(jq -r .time "$out")" = 2000-10-10T11:55:36Z ]
	# W3C, CloudFront, squid, load balancer, object store
	parse '%d %t %h %^ %m %U %q %^ %s %b %u %R' <<<'2026-01-02 03:04:05 10.0.0.1 CORP\tom GET /a x=1 80 200 12 Mozilla/5.0+(x) -'
	expect <<<'{"time":"2026-01-02T03:04:05Z","host":"10.0.0.1","method":"GET","path":"/a","query":"x=1","status":200,"bytes":12,"agent":"Mozilla/5.0+(x)"}'
	parse '%d\t%t\t%^\t%b\t%h\t%m\t%^\t%r\t%s' --date-format %Y-%m-%d <<<$'2026-01-02\t03:04:05\tLHR\t77\t10.0.0.1\tGET\thost\t/x\t304'
	expect <<<'{"time":"2026-01-02T03:04:05Z","bytes":77,"host":"10.0.0.1","method":"GET","status":304}'
	parse '%x.%^ %~%L %h %^/%s %b %m %U' --datetime-format %s <<<'1767225600.123    45 10.0.0.1 TCP_MISS/200 300 GET http://a/'
	expect <<<'{"time":"2026-01-01T00:00:00Z","duration_ms":45,"host":"10.0.0.1","status":200,"bytes":300,"method":"GET","path":"http://a/"}'
	parse '%dT%t.%^ %^ %h:%^ %^ %T %^ %^ %^ %s %^ %b "%r" "%u"' <<<'2026-01-02T03:04:05.123456Z lb 10.0.0.1:5000 10.1:80 0.000073 0.001048 0.000057 200 200 0 57 "GET http://a:80/ HTTP/1.1" "curl"'
	expect <<<'{"time":"2026-01-02T03:04:05Z","host":"10.0.0.1","duration_s":0.000073,"status":200,"bytes":57,"method":"GET","path":"http://a:80/","protocol":"HTTP/1.1","agent":"curl"}'
	parse '"%x","%h",%^,%^,"%m","%U","%s",%^,"%b","%D"' --date-format %f --time-format %f <<<'"1767225600123456","10.0.0.1",1,2,"GET","/o","200",3,"0012","45"'
	expect <<<'{"time":"2026-01-01T00:00:00.123456Z","host":"10.0.0.1","method":"GET","path":"/o","status":200,"bytes":12,"duration_us":45}'
	parse '"~h{, }" %v %n 100%%' <<<'"unknown, 192.168.1.1, 10.0.0.1" www 5 100%'
	expect <<<'{"host":"192.168.1.1","vhost":"www","duration_ns":5}'
}

@test "a line that is not of the pattern says at which field" {
	parse '[%d:%t %^] %s %T "%u"' <<-'END'
		[10/Oct/2000:13:55:36 +0000] 200 0.5 "a\"b"
		10/Oct/2000:13:55:36 200 0.5 "-"
		[10/Oct/2000:25:55:36 +0000] 200 0.5 "-"
		[10/Oct/2000:13:55:36 +0000] 2000 0.5 "-"
		[10/Oct/2000:13:55:36 +0000] 200 .5 "-"
		[10/Oct/2000:13:55:36 +0000] 200 - "-" x
		[10/Oct/2000:13:55:36 +0000] 200 -
	END
	expect <<<'{"time":"2000-10-10T13:55:36Z","status":200,"duration_s":0.5,"agent":"a\"b"}'
	reasons >got
	expect got <<-'END'
		%d: other text before it than in the pattern (byte 1)
		%t: no time of the form that is expected (byte 2)
		%s: no status of three digits (byte 30)
		%T: no number (byte 34)
		%u: there is more behind it (byte 39)
		%T: the text that ends it does not come (byte 34)
	END
}

@test "what is no format is told before the first line" {
	fails_with 64 hta-parse </dev/null
	says 'say --format'
	fails_with 64 hta-parse --format combind </dev/null
	says 'did you mean "combined"'
	fails_with 64 hta-parse --format '%h %y' </dev/null
	says 'byte 4: there is no field %y'
	fails_with 64 hta-parse --format '%h%s' </dev/null
	says 'nothing tells where %h ends and %s begins'
	fails_with 64 hta-parse --format '%^ %^' </dev/null
	fails_with 64 hta-parse --format '%h %t' </dev/null
	fails_with 64 hta-parse --format '%h %d' --date-format '%Q' </dev/null
	fails_with 64 hta-parse --format '%h' --zone UTC </dev/null
	fails_with 64 hta-parse --format '%h %x' --zone Mars/Phobos </dev/null
	fails_with 64 hta-parse --format combined --zone UTC </dev/null
	fails_with 64 hta-parse --format logfmt --names a </dev/null
	fails_with 64 hta-parse --format csv --separator '""' </dev/null
	fails_with 64 hta-parse --format tsv --separator , </dev/null
	fails_with 64 hta-parse --format '~' </dev/null
	fails_with 64 hta-parse --format '%h ~x' </dev/null
	fails_with 78 hta-parse --format csv none.csv
}

@test "what looks like a hello is none" {
	parse logfmt <<<'$hta=hello v=1'
	expect <<<' {"$hta":"hello","v":1}'
	feed pipe 'printf "\$hta=hello\n\$hta=bye\n" | hta-parse --format logfmt | hta-filter "{a: 1}"'
	expect <<<$'{"a":1}\n{"a":1}'
}

# N lines of the combined format, over two days, a tenth of them bad.
log() { # N
	python3 -B "$tests/bench/access_log.py" "$1" "${@:2}"
}

@test "an access log at the prompt, at the first try" {
	log 5000 >access.log
	feed pipe 'hta-parse --format combined access.log | hta-window --time time --by status,path'
	[ "$(jq -s 'map(.count) | add' "$out")" = 5000 ]
	gzip -k access.log
	feed hta-parse --format combined access.log.gz
	[ "$(wc -l <"$out")" = 5000 ]
}

@test "an acknowledged stream: books balance, each line is where it belongs" {
	log 20000 bad >access.log
	feed pipe 'hta-consume --job p access.log -e | hta-parse --format combined | hta-window --time time --every 1h --by status |
		hta-sink-sqlite --init db | hta-commit -v'
	python3 - <<-'END' >want
		import collections, re
		n, at = collections.Counter(), 0
		for line in open("access.log", "rb"):
		    m = re.search(rb'" (\d{3}) (\d+|-) "', line)
		    if m:
		        n[int(m[1])] += 1
		    else:
		        print("dead", at)
		    at += len(line)
		for s in sorted(n.items()):
		    print("%d %d" % s)
	END
	sqlite3 -separator ' ' db "SELECT 'dead', record_offset FROM hta_dead ORDER BY 2" >got
	sqlite3 -separator ' ' db "SELECT dims ->> 'status', sum(count) FROM hta_rollups GROUP BY 1 ORDER BY 1" >>got
	grep -q dead want
	cmp got want
	# again: nothing is counted twice
	feed pipe 'hta-consume --job p access.log -e | hta-parse --format combined | hta-window --time time --every 1h --by status | hta-sink-sqlite db | hta-commit'
	sqlite3 -separator ' ' db "SELECT 'dead', record_offset FROM hta_dead ORDER BY 2" >again
	sqlite3 -separator ' ' db "SELECT dims ->> 'status', sum(count) FROM hta_rollups GROUP BY 1 ORDER BY 1" >>again
	cmp again want
}

@test "an acknowledged stream of CSV: --names, the header left out, a line is a record" {
	printf '%s\n' time,n '2026-01-01T00:00:00Z,1' '2026-01-01T00:00:01Z,"2' '2026-01-01T00:00:02Z,3' >in
	fails_with 64 pipe 'hta-consume --job p in -e | hta-parse --format csv | hta-window --time time --value n | hta-sink-sqlite --init db | hta-commit'
	says 'say --names a,b,c'
	feed pipe 'hta-consume --job p in -e | hta-parse --format csv --names time,n | hta-window --time time --value n | hta-sink-sqlite --init db | hta-commit'
	[ "$(sqlite3 db 'SELECT sum(count) FROM hta_rollups')" = 2 ]
	[ "$(sqlite3 db 'SELECT record_offset, reason FROM hta_dead')" = '30|a quote that is not closed (byte 22)' ]
}

@test "the values that Miller gives, on the same log" {
	command -v mlr >/dev/null || "$tests/packages.sh" filters
	log 3000 >access.log
	mlr --inidx --ifs ' ' --ojsonl put -q -f "$tests/bench/access.mlr" access.log | jq -cS . >want
	feed hta-parse --format combined access.log
	[ "$(wc -l <want)" = 3000 ]
	jq -cS . "$out" | cmp - want
}
