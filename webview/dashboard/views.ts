/** The views in the order of their tabs. */
import type { DashboardView } from '../../extension/core/protocol/dashboard';
import type { MakeView } from './view';
import { alignmentView } from './views/alignment';
import { compareView } from './views/compare';
import { curvesView } from './views/curves';
import { diagnosticsView } from './views/diagnostics';
import { probeView } from './views/probe';
import { samplesView } from './views/samples';
import { sweepView } from './views/sweep';

export const VIEWS: readonly { readonly name: DashboardView; readonly label: string; readonly make: MakeView }[] = [
  { name: 'curves', label: 'Curves', make: curvesView },
  { name: 'sweep', label: 'Sweep', make: sweepView },
  { name: 'alignment', label: 'Alignment', make: alignmentView },
  { name: 'probe', label: 'Probe', make: probeView },
  { name: 'diagnostics', label: 'Diagnostics', make: diagnosticsView },
  { name: 'samples', label: 'Samples', make: samplesView },
  { name: 'compare', label: 'Compare', make: compareView },
];
