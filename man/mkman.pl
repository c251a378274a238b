#!/usr/bin/perl
# SPDX-License-Identifier: BSD-3-Clause
#
# mkman.pl --date YYYY-MM-DD --version X.Y.Z --errors rsm_errors.def --out <folder> <header>...
#
# Makes the manual, section 3rsm, from the comments of the public headers: a page per function, and
# one per header, named like it. Knows the form of these comments, told below, and mdoc(7); must not
# know any function, nor say anything about one that its comment does not say.
#
# Why Perl: perl-base is on every Debian; Python need not be, and Doxygen brings LLVM along, writes
# man(7) without sections for errors, and accepts comments that are to be refused here; awk has no
# groups in its patterns. Uses no module outside perl-base.
#
# The form. A comment that begins with two asterisks belongs to the declaration behind it; behind a
# function's prototype:
#
#   Purpose. Its first sentence is the line that apropos(1) shows.
#
#   Paragraphs, anywhere before "Source:".
#
#   @param[in] name  text       every parameter, in the order of the prototype; [in], [out], [in,out]
#
#   Errors, in the order they are tested:     or "Errors: none.", or "Errors: those of ...";
#   @retval RSMERR_NAME  text                 needless where void or a text is returned
#   Then, if something:                       a sentence between codes begins with a capital at the
#   @retval RSMERR_NAME  text                 margin; everything else goes on with the line before
#
#   Source: text. Deviation: text. MPI: text  "MPI, explicit mode: text" too; an extension needs no
#                                             deviation
#
# The first comment of a header behind the licence becomes the header's page. There a sentence
# "Knows ...; must not ..." is for those who edit the file and is left out; paragraphs behind
# "Caveats, ..." begin with their title. A comment of dashes and a title begins a section.
#
# A comment that does not fit is reported as file:line: what; the exit code is 1 then, and no page is
# written.

use strict;
use warnings;
use Getopt::Long;

my $section = '3RSM';
my @months = qw(January February March April May June July August September October November
    December);

my %option;
GetOptions(\%option, 'date=s', 'version=s', 'errors=s', 'out=s')
    && @ARGV
    && 4 == grep({ defined $option{$_} } qw(date version errors out))
    && $option{date} =~ /^(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/
    or die "usage: mkman.pl --date YYYY-MM-DD --version X.Y.Z --errors FILE --out FOLDER HEADER...\n";
my $date = $months[$2 - 1] . ' ' . ($3 + 0) . ", $1";

my $faults = 0;

sub fault {
    my ($file, $line, $what) = @_;
    print STDERR "$file:$line: $what\n";
    $faults++;
}

sub slurp {
    my ($file) = @_;
    open my $in, '<:utf8', $file or die "$file: $!\n";
    local $/;
    my $text = <$in>;
    close $in;
    return $text;
}

# ---- Reading -------------------------------------------------------------------------------------

my %code; # every name that a call can return
$code{$_} = 1 for slurp($option{errors}) =~ /^RSMI_ERROR\((\w+),/mg;
%code or die "$option{errors}: no RSMI_ERROR line\n";

# The lines of a comment, without its frame: [number, text] each. Indentation beyond the one blank
# behind the asterisk is kept.
sub comment_lines {
    my ($text, $line) = @_;
    $text =~ s{^/\*\*?}{};
    $text =~ s{\*/$}{};
    my @lines;
    for (split /\n/, $text, -1) {
        s/^\s*\*(?: |$)// if @lines; # the first line has lost its frame already
        s/^ // unless @lines;
        s/\s+$//;
        push @lines, [$line++, $_];
    }
    shift @lines while @lines && $lines[0][1] eq '';
    pop @lines while @lines && $lines[-1][1] eq '';
    return @lines;
}

# Text of consecutive lines, by paragraph.
sub paragraphs {
    my @paragraphs = ('');
    for (@_) {
        my $text = $_->[1];
        if ($text eq '') {
            push @paragraphs, '' if $paragraphs[-1] ne '';
            next;
        }
        $text =~ s/^\s+//;
        $paragraphs[-1] .= ($paragraphs[-1] eq '' ? '' : ' ') . $text;
    }
    pop @paragraphs if $paragraphs[-1] eq '';
    return @paragraphs;
}

sub first_sentence {
    my ($text) = @_;
    $text =~ s/^(.+?[.!?])\s+(?=[A-Z"]).*$/$1/s;
    $text =~ s/\.$//;
    return $text;
}

# A function's comment, against its prototype. Returns what a page needs.
sub read_function_comment {
    my ($file, $function, @lines) = @_;
    my $start = $lines[0][0];
    my @prose; # lines, for paragraphs()
    my (@params, %param, $errors, @errors, @tail);
    my $part = 'prose';
    my $open = \my $nothing; # the text that a further line goes on with
    my $fresh = 1;           # at the beginning of a paragraph

    for (@lines) {
        my ($line, $text) = @$_;
        while ($text =~ /\b(RSMERR_\w*[A-Z0-9])\b/g) {
            next if $code{$1} || $text =~ /^\@retval\s+$1\b/;
            fault($file, $line, "$1 is no result code ($option{errors})");
        }
        if ($part eq 'tail') {
            push @tail, $_;
            next;
        }
        if ($text eq '') {
            push @prose, $_;
            $part = 'prose';
            $fresh = 1;
            next;
        }
        if ($text =~ /^\@param\b/) {
            if ($text !~ /^\@param\[(in|out|in,out)\]\s+(\w+)\s+(\S.*)$/) {
                fault($file, $line, 'not understood; wanted is "@param[in|out|in,out] name  text"');
                $open = \my $lost;
            } else {
                my ($direction, $name, $what) = ($1, $2, $3);
                fault($file, $line, "$name has a \@param already") if $param{$name};
                fault($file, $line, "$name is no parameter of $function->{name}")
                    if !grep { $_->{name} eq $name } @{ $function->{params} };
                $direction =~ s/,/, /;
                push @params, { name => $name, direction => $direction, text => $what };
                $param{$name} = 1;
                $open = \$params[-1]{text};
            }
            $part = 'param';
        } elsif ($text =~ /^\@retval\b/) {
            if ($text !~ /^\@retval\s+(\w+)\s+(\S.*)$/) {
                fault($file, $line, 'not understood; wanted is "@retval RSMERR_NAME  text"');
                $open = \my $lost;
            } else {
                fault($file, $line, "$1 is no result code ($option{errors})") if !$code{$1};
                fault($file, $line, '@retval before the line "Errors, ..."') if !defined $errors;
                push @errors, { code => $1, text => $2 };
                $open = \$errors[-1]{text};
            }
            $part = 'errors';
        } elsif ($text =~ /^\@/) {
            fault($file, $line, 'only @param and @retval are understood');
            $open = \my $lost;
        } elsif ($fresh && $text =~ /^Source:/) {
            $part = 'tail';
            push @tail, $_;
        } elsif ($fresh && $text =~ /^Errors[:,]/) {
            if ($text !~ /^Errors(?:: *|, (in the order they are tested:) *)(.*)$/) {
                fault($file, $line, 'not understood; wanted is "Errors, in the order they are '
                    . 'tested:" or "Errors: ..."');
            }
            fault($file, $line, 'a second errors part') if defined $errors;
            $errors = join ' ', grep { defined && $_ ne '' } $1, $2;
            $open = \$errors;
            $part = 'errors';
        } elsif ($part eq 'errors' && @errors && defined $errors[-1]{code}
            && $text =~ /^[A-Z][a-z]*[ ,:]/) {
            push @errors, { text => $text };
            $open = \$errors[-1]{text};
        } elsif ($part ne 'prose') {
            $text =~ s/^\s+//;
            $$open = (defined $$open && $$open ne '' ? "$$open " : '') . $text;
        } else {
            push @prose, $_;
        }
        $fresh = 0;
    }

    my @paragraphs = paragraphs(@prose);
    fault($file, $start, "$function->{name}: the comment does not begin with a purpose")
        if !@paragraphs;
    for (@{ $function->{params} }) {
        fault($file, $function->{line}, "$function->{name}: parameter $_->{name} has no \@param")
            if !$param{ $_->{name} };
    }
    my %place;
    $place{ $function->{params}[$_]{name} } = $_ for 0 .. $#{ $function->{params} };
    my @found = grep { defined } map { $place{ $_->{name} } } @params;
    fault($file, $start, "$function->{name}: \@params in another order than the prototype's")
        if "@found" ne join ' ', sort { $a <=> $b } @found;

    if (!defined $errors) {
        fault($file, $start, "$function->{name}: the comment has no errors part")
            if $function->{type} !~ /^(void|const char \*)$/;
    } elsif ($errors =~ /:$|^$/ && !@errors) {
        fault($file, $start, "$function->{name}: the errors part names no error");
    }

    # "Source: ... Deviation: ... MPI: ..." may be one paragraph or three.
    my $tail = join ' ', paragraphs(@tail);
    my ($source, $deviation, $mpi_mode, $mpi);
    if ($tail !~ /^Source: (.+?[.)])(?: Deviation: (.+?\.))? MPI(, [a-z][^:.]*)?: (.+)$/) {
        fault($file, @tail ? $tail[0][0] : $start,
            "$function->{name}: the comment does not end with "
                . '"Source: ... Deviation: ... MPI: ..."');
    } else {
        ($source, $deviation, $mpi_mode, $mpi) = ($1, $2, $3, $4);
        fault($file, $tail[0][0], "$function->{name}: \"Deviation:\" is missing")
            if !defined $deviation && $source !~ /^an extension/;
    }
    $function->{purpose} = first_sentence($paragraphs[0]) if @paragraphs;
    $function->{prose} = \@paragraphs;
    $function->{param_texts} = \@params;
    $function->{errors_lead} = $errors;
    $function->{errors} = \@errors;
    $function->{source} = $source;
    $function->{deviation} = $deviation;
    $function->{mpi} = defined $mpi ? 'In MPI terms' . ($mpi_mode // '') . ": $mpi" : undef;
}

# A declaration without comments, as one line: a function, or undef. What is neither a function that
# can be read nor a type or a variable is a fault.
sub read_declaration {
    my ($file, $line, $code) = @_;
    $code =~ s{/\*.*?\*/}{ }gs;
    $code =~ s/\s+/ /g;
    $code =~ s/^ | ?;? ?$//g;
    (my $flat = $code) =~ s/\{.*\}//; # a structure may hold pointers to functions
    return undef if $flat =~ /^typedef\b/ || $flat !~ /\(/;

    my $what = 'this declaration cannot be read; '
        . 'wanted is one prototype of an rsm_ or rsmx_ function';
    if ($code !~ /^(?:extern )?(\w[\w ]*?(?: | ?\*+ ?))(rsmx?_\w+) ?\(([^(){}]*)\)$/) {
        fault($file, $line, $what);
        return undef;
    }
    my ($type, $name, $list) = ($1, $2, $3);
    $type =~ s/ ?(\**) ?$/$1 ? " $1" : ''/e;
    my @params;
    if ($list ne 'void') {
        for (split /,/, $list, -1) {
            s/^ +| +$//g;
            if (!/^\w.*[ *](\w+)(?: ?\[\w*\])*$/) {
                fault($file, $line, "$name: parameter without a name: \"$_\"");
                next;
            }
            push @params, { name => $1, declaration => $_ };
        }
    }
    return { name => $name, type => $type, params => \@params, line => $line };
}

# A declaration up to its semicolon, with comments, strings, and braces that nest.
my $declaration = qr{(?:/\*.*?\*/|"(?:\\.|[^"\\])*"|(\{(?:[^{}]++|(?1))*\})|[^;{}/"]++|/)+;?}s;

# A header: its page's text, its functions with their comments, its documented types and constants.
sub read_header {
    my ($file) = @_;
    my $text = slurp($file);
    (my $name = $file) =~ s{^.*/}{};
    my $header = { file => $file, include => $name, functions => [], types => [] };
    $header->{name} = $name =~ s/\.h$//r;
    my $title = '';
    my $doc; # the comment that waits for its declaration: its lines
    my $line = 1;
    my %seen;
    my $unused = sub {
        fault($file, $doc->[0][0], 'this comment belongs to no function')
            if $doc && grep { $_->[1] =~ /^\@(param|retval)\b/ } @$doc;
        undef $doc;
    };

    pos($text) = 0;
    while ((my $from = pos $text) < length $text) {
        my $start = $line;
        if ($text =~ /\G\s+/gc) {
            # nothing
        } elsif ($text =~ m{\G/\*.*?\*/}gcs) {
            my $comment = $&;
            if ($comment =~ m{^/\*\*(?!/)}) {
                $unused->();
                $doc = [comment_lines($comment, $start)];
                undef $doc if !@$doc;
            } elsif ($comment =~ m{^/\* -+ (.*?) -+ \*/$}) {
                $title = $1;
            } elsif (!$header->{head} && $comment !~ /SPDX-License-Identifier/) {
                $header->{head} = [comment_lines($comment, $start)];
            }
        } elsif ($text =~ /\G#[ \t]*ifdef[ \t]+__cplusplus\b.*?\n[ \t]*#[ \t]*endif\b[^\n]*/gcs) {
            # linkage for C++, nothing that belongs into a page
        } elsif ($doc && $text =~ /\G(?:#[ \t]*define\b(?:\\\n|[^\n])*\n)+/gc) {
            push @{ $header->{types} }, { doc => $doc, code => $& };
            undef $doc;
        } elsif ($text =~ /\G#(?:\\\n|[^\n])*/gc) {
            # other directives; a condition may stand between a comment and its function
        } elsif ($text =~ /\G$declaration/gcs) {
            my $code = $&;
            my $function = read_declaration($file, $start, $code);
            if ($function) {
                $function->{section} = $title;
                $function->{header} = $header;
                if ($seen{ $function->{name} }++) {
                    fault($file, $start, "$function->{name} is declared twice");
                } elsif (!$doc) {
                    fault($file, $start, "$function->{name} has no doc comment");
                } else {
                    read_function_comment($file, $function, @$doc);
                    push @{ $header->{functions} }, $function;
                }
            } elsif ($doc) {
                push @{ $header->{types} }, { doc => $doc, code => "$code\n" }
                    if $code =~ /^(typedef|struct|union|enum)\b/;
            }
            undef $doc if $function;
            $unused->();
        } else {
            fault($file, $start, 'this cannot be read');
            last;
        }
        $line += substr($text, $from, pos($text) - $from) =~ tr/\n//;
    }
    $unused->();
    fault($file, 1, 'no comment behind the licence tells what the header is') if !$header->{head};
    fault($file, 1, 'no function is declared here') if !%seen;
    return $header;
}

# ---- Writing -------------------------------------------------------------------------------------

my %page_of; # function => its header, for cross-references

# One word of running text, safe from troff. A hyphen inside a word stays one; a minus, and what
# belongs to code, is \-, so that it can be copied.
sub escape {
    my ($word) = @_;
    $word =~ s/\\/\\e/g;
    if ($word =~ m{[_/=<>]}) {
        $word =~ s/-/\\-/g;
    } else {
        $word =~ s/(?<![A-Za-z0-9])-/\\-/g;
    }
    $word =~ s/~/\\(ti/g;
    $word =~ s/\^/\\(ha/g;
    $word =~ s/`/\\(ga/g;
    $word =~ s/([^\x00-\x7f])/sprintf '\\[u%04X]', ord $1/ge;
    $word =~ s/^(?=[.'])/\\&/;
    return $word;
}

# An argument of a macro: in it, a quote has to be spelt.
sub argument {
    my $text = join ' ', map { escape($_) } split / /, $_[0];
    $text =~ s/"/\\(dq/g;
    return $text =~ / / ? "\"$text\"" : $text;
}

# The macro for a word, or undef for plain text.
sub macro {
    my ($word, $own) = @_;
    return '.Er ' . $word if $word =~ /^RSMERR_/ && $code{$word};
    return '.Dv ' . $word
        if $word =~ /^(NULL|RSM_[A-Z0-9_]+|RSMX_[A-Z0-9_]+|MPI_[A-Z0-9_]{2,}|RLIMIT_[A-Z]+)$/;
    return '.Vt ' . $word if $word =~ /^rsm\w*_t$/;
    return '.Fa ' . $1 if $word =~ /^`(\w+)`$/;
    if ($word =~ /^(rsmx?_\w+)(\(\))?$/ && $page_of{$1}) {
        return defined $own && $1 eq $own ? ".Fn $1" : ".Xr $1 $section";
    }
    return '.Fn ' . $1 . ' ' . argument($2) if $word =~ /^(rsmx?_\w+)\(([^()]+)\)$/ && $page_of{$1};
    return '.Fn ' . $1 if $word =~ /^(MPI_[A-Z][a-z]\w*)(\(\))?$/ || $word =~ /^([a-z_]\w*)\(\)$/;
    return undef;
}

# Running text as lines of mdoc: a new line for each sentence and for each marked word.
sub running {
    my ($text, $own) = @_;
    my @out;
    my $line = '';
    my $flush = sub {
        push @out, $line if $line ne '';
        $line = '';
    };
    my @words = split ' ', $text;
    for my $i (0 .. $#words) {
        my $word = $words[$i];
        my ($before, $core, $after) = ('', $word, '');
        my $macro = macro($core, $own);
        if (!defined $macro && $word =~ /^([(\[]*)(.+?)([.,:;)\]?!]*)$/) {
            ($before, $core, $after) = ($1, $2, $3);
            $macro = macro($core, $own);
            # "name()." has lost a parenthesis to the punctuation.
            if ($after =~ /^\)/ && $core =~ /\([^()]*$/) {
                ($core, $after) = ("$core)", substr $after, 1);
                $macro = macro($core, $own);
            }
        }
        if (defined $macro) {
            $flush->();
            my ($name, $rest) = $macro =~ /^(\.\w+) (.*)$/;
            push @out, join ' ', $name, split(//, $before), $rest, split(//, $after);
            next;
        }
        $word = escape($word);
        $flush->() if length($line) + 1 + length($word) > 78;
        $line .= ($line eq '' ? '' : ' ') . $word;
        $flush->()
            if $words[$i] =~ /\w\w[.!?][")]*$/ || $i < $#words && $words[$i] =~ /[.!?][")]*$/
            && $words[ $i + 1 ] =~ /^[("]?[A-Z]/;
    }
    $flush->();
    return @out;
}

# Code, to the letter.
sub literal {
    my ($code) = @_;
    my @out = ('.Bd -literal');
    for (split /\n/, $code) {
        s/\\/\\e/g;
        s/-/\\-/g;
        s/~/\\(ti/g;
        s/\^/\\(ha/g;
        s/`/\\(ga/g;
        s/'/\\(aq/g;
        s/([^\x00-\x7f])/sprintf '\\[u%04X]', ord $1/ge;
        s/^(?=\.)/\\&/;
        push @out, $_;
    }
    return @out, '.Ed';
}

# No capital: the first word of an item may be a name.
sub stopped {
    my ($text) = @_;
    return $text . ($text =~ /[.:!?]$/ ? '' : '.');
}

sub head {
    my ($name, $purpose, $header) = @_;
    return (
        ".\\\" SPDX-License-Identifier: BSD-3-Clause",
        ".\\\" Made from $header->{include}; change that instead.",
        ".Dd $date",
        ".Dt \U$name\E $section",
        ".Os RSMAPI $option{version}",
        '.Sh NAME',
        ".Nm $name",
        '.Nd ' . join(' ', map { escape($_) } split ' ', $purpose) =~ s/"/\\(dq/gr,
        '.Sh LIBRARY',
        'RSMAPI for MPI',
        '.Pq librsm , \-lrsm',
        '.Sh SYNOPSIS',
        ".In $header->{include}",
    );
}

sub see_also {
    my @names = sort @_;
    return if !@names;
    my @out = map { ".Xr $_ $section ," } @names;
    $out[-1] =~ s/ ,$//;
    return ('.Sh SEE ALSO', @out);
}

# Types and constants with their comments.
sub type_texts {
    my @out = map { ('.Pp', running(join ' ', paragraphs(@{ $_->{doc} })), literal($_->{code})) } @_;
    return @out[1 .. $#out];
}

sub function_page {
    my ($function) = @_;
    my ($name, $header) = @$function{qw(name header)};
    my $purpose = $function->{purpose};
    $purpose = lcfirst $purpose if $purpose =~ /^[A-Z]([a-z]| )/;
    my @out = (head($name, $purpose, $header), ".Ft $function->{type}", ".Fo $name");
    push @out, map { ".Fa \"$_->{declaration}\"" } @{ $function->{params} };
    push @out, '.Fa void' if !@{ $function->{params} };
    push @out, '.Fc', '.Sh DESCRIPTION';

    my @prose = map { ['.Pp', running($_, $name)] } @{ $function->{prose} };
    shift @{ $prose[0] };
    push @out, map { @$_ } @prose;

    my $used = join ' ', map { $_->{declaration} } @{ $function->{params} };
    my @types = grep { $_->{code} =~ /\b(\w+);\s*$/ && $used =~ /\b$1\b/ } @{ $header->{types} };
    push @out, '.Ss Types', type_texts(@types) if @types;

    if (@{ $function->{param_texts} }) {
        push @out, '.Ss Parameters', '.Bl -tag -width Ds';
        push @out, ".It Fa $_->{name} Pq $_->{direction}", running(stopped($_->{text}), $name)
            for @{ $function->{param_texts} };
        push @out, '.El';
    }
    push @out, '.Sh IMPLEMENTATION NOTES', running($function->{mpi}, $name);

    my $errors = $function->{errors_lead};
    my $fails = defined $errors && $errors !~ /^none\b/i;
    if ($function->{type} eq 'int') {
        push @out, '.Sh RETURN VALUES', ".Fn $name", 'returns', '.Dv RSM_SUCCESS';
        if ($fails) {
            $out[-1] .= ' ,';
            push @out, 'or the code of the first test that fails, of those under', '.Sx ERRORS .';
        } else {
            $out[-1] .= ' .';
        }
    } elsif ($function->{type} ne 'void') {
        push @out, '.Sh RETURN VALUES', ".Fn $name", 'returns what', '.Sx DESCRIPTION', 'tells.';
    }
    if (defined $errors) {
        my @list = @{ $function->{errors} };
        $errors .= ':' if @list && $errors !~ /[.:]$/;
        push @out, '.Sh ERRORS', running(ucfirst stopped($errors), $name);
        my $in_list = 0;
        for (@list) {
            if (defined $_->{code}) {
                push @out, '.Bl -tag -width Ds' if !$in_list;
                $in_list = 1;
                push @out, ".It Bq Er $_->{code}", running(stopped($_->{text}), $name);
            } else {
                push @out, '.El' if $in_list;
                $in_list = 0;
                push @out, '.Pp', running(stopped($_->{text}), $name);
            }
        }
        push @out, '.El' if $in_list;
    }

    push @out, see_also($header->{name}, grep { $_ ne $name } map { $_->{name} }
        grep { $_->{section} eq $function->{section} } @{ $header->{functions} });

    # A page of the source bears the name of ours, so it is no cross-reference.
    push @out, '.Sh STANDARDS', 'Source:';
    push @out, join ' ', map { escape($_) } split / /, $function->{source};
    push @out, 'Deviation:', running($function->{deviation}, $name) if defined $function->{deviation};
    return @out;
}

sub header_page {
    my ($header, @others) = @_;
    my @paragraphs = paragraphs(@{ $header->{head} });
    $paragraphs[0] =~ s/(?:^|(?<=\. ))Knows [^.]+; must not .+?\.(?: |$)//;
    my $purpose = first_sentence($paragraphs[0]);
    $purpose =~ s/: .*//;
    my @out = (head($header->{name}, $purpose, $header), '.Sh DESCRIPTION');

    my $first = 1;
    my $in_list = 0;
    for (@paragraphs) {
        if (!$in_list && /^Caveats, ([^.]+)\.$/) {
            push @out, '.Ss ' . argument("Caveats, $1"), '.Bl -tag -width Ds';
            $in_list = 1;
        } elsif ($in_list && /^([A-Z]\w*(?: \w+)?)\. (.+)$/) {
            push @out, ".It Sy $1", running($2);
        } else {
            push @out, '.Pp' if !$first;
            push @out, running($_);
        }
        $first = 0;
    }
    push @out, '.El' if $in_list;

    push @out, '.Sh FUNCTIONS';
    my $title = '';
    for (@{ $header->{functions} }) {
        if ($title ne $_->{section} || $out[-1] eq '.Sh FUNCTIONS') {
            push @out, '.El' if $out[-1] ne '.Sh FUNCTIONS';
            $title = $_->{section};
            push @out, '.Ss ' . argument($title) if $title ne '';
            push @out, '.Bl -tag -width Ds';
        }
        push @out, ".It Xr $_->{name} $section", running(stopped($_->{purpose}));
    }
    push @out, '.El';
    push @out, '.Sh TYPES AND CONSTANTS', type_texts(@{ $header->{types} }) if @{ $header->{types} };
    push @out, see_also(map { $_->{name} } @others);
    return @out;
}

my @headers = map { read_header($_) } @ARGV;
for my $header (@headers) {
    for (@{ $header->{functions} }) {
        fault($header->{file}, $_->{line}, "$_->{name} is declared twice") if $page_of{ $_->{name} };
        $page_of{ $_->{name} } = $header;
    }
}
if ($faults) {
    print STDERR "mkman.pl: $faults faults, no page written\n";
    exit 1;
}

my %pages;
for my $header (@headers) {
    $pages{ $header->{name} } = [header_page($header, grep { $_ != $header } @headers)];
    $pages{ $_->{name} } = [function_page($_)] for @{ $header->{functions} };
}
-d $option{out} or mkdir $option{out} or die "$option{out}: $!\n";
# Pages of functions that are gone would be installed with the others.
for (glob "$option{out}/*.3rsm") {
    my ($name) = m{([^/]+)\.3rsm$};
    $pages{$name} or unlink or die "$_: $!\n";
}
for (sort keys %pages) {
    my $file = "$option{out}/$_.3rsm";
    open my $out, '>', $file or die "$file: $!\n";
    print $out map { "$_\n" } @{ $pages{$_} } or die "$file: $!\n";
    close $out or die "$file: $!\n";
}
