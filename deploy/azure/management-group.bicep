metadata description = 'The role of the workers for all subscriptions below a management group; main.bicep then gets rolesAtManagementGroup=true.'

targetScope = 'managementGroup'

@description('Output workersPrincipalId of main.bicep.')
param workersPrincipalId string

@description('Steps that the lockdowns of the policy use.')
param steps array = [
  'isolate'
  'stop'
  'backup'
]

var rights = loadJsonContent('roles/workers.json')
var ofSteps = [for step in steps: rights.steps[step]]

resource role 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(managementGroup().id, 'startgate-workers')
  properties: {
    roleName: 'Startgate workers (${managementGroup().name})'
    description: 'Reads VMs and what they are connected to, and does the steps of a containment: ${join(steps, ', ')}.'
    type: 'CustomRole'
    permissions: [
      {
        actions: union(rights.always, flatten(ofSteps))
        notActions: []
      }
    ]
    assignableScopes: [
      managementGroup().id
    ]
  }
}

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(managementGroup().id, 'startgate-workers', workersPrincipalId)
  properties: {
    roleDefinitionId: role.id
    principalId: workersPrincipalId
    principalType: 'ServicePrincipal'
  }
}
