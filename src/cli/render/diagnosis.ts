import type { Diagnosis, Evidence, Hypothesis } from '../../domain/diagnosis.ts';
import { clean } from './safe.ts';
import { paint, type Style } from './style.ts';
import { heading, wrap } from './words.ts';

const mostEvidence = 6;
const mostHypotheses = 6;
const hardlyPossible = 0.02;

/** What is held to be the cause: the leading explanation with what speaks for and against it, then the others. */
export function renderDiagnosis(diagnosis: Diagnosis, style: Style): readonly string[] {
  const sure = `${Math.round(diagnosis.confidence * 100)}%`;
  const verdict =
    diagnosis.verdict === 'conclusive'
      ? `${paint(style, diagnosis.cause, 'bold')}, ${sure} sure`
      : paint(style, 'inconclusive', 'yellow', 'bold');
  const open = diagnosis.hypotheses.filter((each) => each.ruledOut === undefined);
  const shown = open
    .filter(({ confidence }, index) => index < 2 || confidence >= hardlyPossible)
    .slice(0, mostHypotheses);
  const out = diagnosis.hypotheses.filter((each) => each.ruledOut !== undefined);
  return [
    '',
    `${heading(style, 'Diagnosis')}  ${verdict}`,
    wrap(style, clean(diagnosis.summary, 1_000), '  '),
    ...(diagnosis.needed === undefined ? [] : [wrap(style, `to decide: ${clean(diagnosis.needed)}`, '    ', '  ')]),
    ...shown.flatMap((each, index) => hypothesis(each, style, index === 0)),
    ...(shown.length === open.length ? [] : [`  and ${open.length - shown.length} that are less likely still`]),
    ...(out.length === 0 ? [] : ['  ruled out:']),
    ...out.map((each) => wrap(style, `${clean(each.title, 200)}: ${clean(each.ruledOut ?? '')}`, '      ', '    - ')),
    ...diagnosis.gaps
      .slice(0, mostEvidence)
      .map((gap) =>
        wrap(
          style,
          `${paint(style, 'could not be read', 'yellow')}: ${clean(gap.source, 60)}, ${clean(gap.reason, 40)}: ${clean(gap.message)}`,
          '    ',
          '  ',
        ),
      ),
  ];
}

function hypothesis(each: Hypothesis, style: Style, leads: boolean): readonly string[] {
  const sure = `${Math.round(each.confidence * 100)}%`.padStart(4);
  return [
    wrap(style, `${sure} ${leads ? paint(style, clean(each.title), 'bold') : clean(each.title)}`, '       ', '  '),
    ...(each.diff === undefined ? [] : [wrap(style, `it changed ${clean(each.diff)}`, '         ', '       ')]),
    ...evidence(each.for, paint(style, '+', 'green'), style),
    ...evidence(each.against, paint(style, '-', 'red'), style),
  ];
}

function evidence(all: readonly Evidence[], sign: string, style: Style): readonly string[] {
  const strongest = [...all].sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight));
  return [
    ...strongest.slice(0, mostEvidence).map((one) => wrap(style, clean(one.text), '         ', `       ${sign} `)),
    ...(all.length > mostEvidence ? [`       ${sign} ... and ${all.length - mostEvidence} more`] : []),
  ];
}
