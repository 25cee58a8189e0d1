/** `arcface model ...`: networks and the files that hold them. */
import type { Command } from 'commander';
import { defineCommandGroup } from '../../cli/define-command.ts';
import { modelConvertCommand } from './convert.ts';
import { modelExportCommand } from './export.ts';
import { modelInfoCommand } from './info.ts';
import { modelListCommand } from './list.ts';

export function modelCommand(): Command {
  return defineCommandGroup({
    name: 'model',
    description: 'List networks, look into models, convert and export them.',
    example: 'arcface model export run --format onnx --output face.onnx',
    commands: [modelListCommand(), modelInfoCommand(), modelConvertCommand(), modelExportCommand()],
  });
}
