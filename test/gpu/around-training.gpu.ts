import { keepsWhatSurroundsATraining } from '../unit/training/around-training';
import { gpuEngines } from './gpu-engines';

keepsWhatSurroundsATraining(gpuEngines);
